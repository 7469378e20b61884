//! A rule and a device resolved to one thing that Home Assistant shows.
