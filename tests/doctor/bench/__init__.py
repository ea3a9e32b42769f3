"""Small faulty and sound patients, written as people write them, on which the doctor's recall is counted."""
