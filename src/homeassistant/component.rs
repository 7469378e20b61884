//! The kinds of entity that Home Assistant knows, and what each requires.
