//! The calls of cabinets: both generations of paths, the vendor's envelope, bytes as bodies.

use devices::a8::http::{Endpoint, ROUTES};

/// Whether a cabinet calls it: such requests have limits of their own.
pub fn is_device_path(path: &str) -> bool {
    ROUTES.iter().any(|route| route.path == path)
}

/// Whether it is the return of a bank, which is never turned away.
pub fn is_return(path: &str) -> bool {
    ROUTES.iter().any(|route| route.path == path && route.endpoint == Endpoint::Return)
}
