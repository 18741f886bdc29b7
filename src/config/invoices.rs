//! `[invoices]`: who issues documents, and what their numbers begin with.

use super::section::{Problems, section};

section! {
    /// Invoices and credit notes. Their numbers are `PREFIX-BRANCH-83/84-000123`; each branch
    /// counts by itself, from 1 in each Nepali fiscal year.
    Invoices {
        /// Short name of the seller in every number: capital letters and digits.
        prefix: String = "CG".to_owned(),
        /// Code of the branch that bills: capital letters and digits.
        branch: String = "KTM".to_owned(),
        /// Name of the seller as it is registered.
        seller_name: String = "ChargeGhar".to_owned(),
        /// Address of the seller.
        seller_address: String = "Kathmandu, Nepal".to_owned(),
        /// Permanent account number of the seller, 9 digits. Empty: none is printed.
        seller_pan: String = String::new(),
    }
}

impl Invoices {
    pub(super) fn check(&self, mut problems: Problems<'_>) {
        let code = |text: &str| {
            let fits = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
            (1..=8).contains(&text.len()) && text.chars().all(fits)
        };
        let advice = "must be 1 to 8 capital letters and digits";
        problems.unless(code(&self.prefix), "prefix", advice);
        problems.unless(code(&self.branch), "branch", advice);
        problems.unless(!self.seller_name.trim().is_empty(), "seller_name", "must be set");
        let pan = self.seller_pan.len() == 9 && self.seller_pan.bytes().all(|b| b.is_ascii_digit());
        problems.unless(pan || self.seller_pan.is_empty(), "seller_pan", "must be 9 digits");
    }
}
