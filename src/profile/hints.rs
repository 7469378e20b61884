//! What a datapoint's name, label, range and type give away. The tables are data: whoever meets another word
//! adds it there.

pub mod conditions;
pub mod icons;
pub mod measures;
pub mod parts;
pub mod purpose;
mod rule;
mod table;
#[cfg(test)]
pub(in crate::profile) mod testing;
pub mod unit_switch;
mod vocabulary;
pub mod words;
