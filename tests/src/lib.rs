//! What the tests from outside stand on. Nothing here is part of the product.

pub mod fixture;
