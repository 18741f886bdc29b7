//! What each handle's refusals are to a client: one exhaustive match per handle.
