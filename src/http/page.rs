//! Pages: which one is asked for, by number or by cursor, and the two blocks that tell where
//! one is.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::error::ApiError;

mod cursor;

#[cfg(test)]
mod tests;

pub use cursor::{Cursor, List};

/// Which page is wanted.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// From 1.
    #[param(minimum = 1)]
    page: Option<u32>,
    /// Rows of a page; more than the route allows counts as what it allows.
    #[param(minimum = 1)]
    page_size: Option<u32>,
}

/// Where the rows begin that are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    Page(Wanted),
    After { cursor: Cursor, size: u64 },
}

/// A page that was asked for, before it is known how many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub number: u64,
    pub size: u64,
}

/// A page that exists; its rows are `offset..offset + size`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    pub number: u64,
    pub pages: u64,
    pub size: u64,
    pub total: u64,
}

impl PageQuery {
    pub fn new(page: Option<u32>, page_size: Option<u32>) -> PageQuery {
        PageQuery { page, page_size }
    }

    pub fn wanted(self, default: u16, max: u16) -> Result<Wanted, ApiError> {
        let number = self.page.unwrap_or(1);
        let size = self.page_size.unwrap_or(u32::from(default)).min(u32::from(max));
        if number == 0 {
            return Err(ApiError::field("page", "must be at least 1"));
        }
        if size == 0 {
            return Err(ApiError::field("page_size", "must be at least 1"));
        }
        Ok(Wanted { number: u64::from(number), size: u64::from(size) })
    }
}

impl PageQuery {
    /// The same, for a list that takes a cursor too: one or the other.
    pub fn begin(
        self,
        list: List,
        cursor: Option<&str>,
        default: u16,
        max: u16,
    ) -> Result<Begin, ApiError> {
        let wanted = self.wanted(default, max)?;
        let Some(text) = cursor.map(str::trim).filter(|text| !text.is_empty()) else {
            return Ok(Begin::Page(wanted));
        };
        if self.page.is_some() {
            return Err(ApiError::field("cursor", "does not go with page"));
        }
        let cursor = Cursor::read(list, text);
        let cursor = cursor.ok_or_else(|| ApiError::field("cursor", "is not one of this list"))?;
        Ok(Begin::After { cursor, size: wanted.size })
    }
}

impl Wanted {
    pub fn offset(self) -> u64 {
        (self.number - 1).saturating_mul(self.size)
    }

    /// A page past the end is the last one; an empty list has one page.
    pub fn of(self, total: u64) -> Page {
        let pages = total.div_ceil(self.size).max(1);
        Page { number: self.number.min(pages), pages, size: self.size, total }
    }
}

impl Page {
    pub fn offset(&self) -> u64 {
        (self.number - 1) * self.size
    }

    /// Where its rows are, among all there are.
    pub fn places(&self) -> Range<usize> {
        let at = |place: u64| usize::try_from(place.min(self.total)).unwrap_or(usize::MAX);
        at(self.offset())..at(self.offset().saturating_add(self.size))
    }

    fn next(&self) -> Option<u64> {
        (self.number < self.pages).then_some(self.number + 1)
    }

    fn previous(&self) -> Option<u64> {
        (self.number > 1).then_some(self.number - 1)
    }
}

/// Where one is, for rentals and payments. After a cursor nothing is counted: the numbers are
/// null then.
#[derive(Debug, Serialize, ToSchema)]
pub struct Pagination {
    current_page: Option<u64>,
    total_pages: Option<u64>,
    total_count: Option<u64>,
    page_size: u64,
    has_next: bool,
    has_previous: bool,
    next_page: Option<u64>,
    previous_page: Option<u64>,
    /// For the parameter `cursor`: what comes after the last of these rows.
    next_cursor: Option<String>,
}

impl Pagination {
    /// Of a page by its number; `last` is the place of its last row.
    pub fn of(page: Page, last: Option<Cursor>) -> Pagination {
        let next_cursor = page.next().and(last).map(|last| last.to_string());
        Pagination {
            current_page: Some(page.number),
            total_pages: Some(page.pages),
            total_count: Some(page.total),
            page_size: page.size,
            has_next: page.next().is_some(),
            has_previous: page.previous().is_some(),
            next_page: page.next(),
            previous_page: page.previous(),
            next_cursor,
        }
    }

    /// Of rows after a cursor; `next` is the place of the last one, if more follow.
    pub fn after(size: u64, next: Option<Cursor>) -> Pagination {
        Pagination {
            current_page: None,
            total_pages: None,
            total_count: None,
            page_size: size,
            has_next: next.is_some(),
            has_previous: true,
            next_page: None,
            previous_page: None,
            next_cursor: next.map(|next| next.to_string()),
        }
    }
}

/// Rows and where one is, for stations.
#[derive(Debug, Serialize, ToSchema)]
pub struct Results<T> {
    count: u64,
    next: bool,
    previous: bool,
    #[serde(rename = "results")]
    rows: Vec<T>,
}

impl<T> Results<T> {
    pub fn new(page: Page, rows: Vec<T>) -> Results<T> {
        Results {
            count: page.total,
            next: page.next().is_some(),
            previous: page.previous().is_some(),
            rows,
        }
    }
}
