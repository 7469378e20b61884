//! The profile that every schema gets when nobody wrote one for its product.
