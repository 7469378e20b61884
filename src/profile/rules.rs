//! `EntityRule`: what one datapoint shall be to a person.
