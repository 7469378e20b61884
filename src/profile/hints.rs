//! Units and device classes that a datapoint's name gives away.
