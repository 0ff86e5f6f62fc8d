//! What holds for any env file.
