//! Errors that people see: a stable code and one sentence.

use std::fmt;

#[derive(Debug, PartialEq, Eq, Clone)]
pub struct Error {
    pub code: &'static str,
    pub text: String,
}

impl Error {
    pub fn new(code: &'static str, text: String) -> Self {
        Self { code, text }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.text)
    }
}

impl std::error::Error for Error {}
