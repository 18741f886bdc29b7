//! Which stations a stream tells about: those of an area, of a list, or all.

use std::collections::BTreeSet;

use domain::ids::Serial;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::actors::availability::StationView;
use crate::http::error::ApiError;
use crate::http::stations::query::{degrees, invalid_coordinates};

#[cfg(test)]
mod tests;

const SERIALS_MAX: usize = 100;

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LiveQuery {
    /// Only stations of this area: `west,south,east,north` in degrees.
    #[param(example = "85.25,27.65,85.40,27.75")]
    bbox: Option<String>,
    /// Only these stations: serials with commas between them, at most 100.
    serials: Option<String>,
}

impl LiveQuery {
    pub fn read(&self) -> Result<Filter, ApiError> {
        let area = self.bbox.as_deref().map(Area::read).transpose()?;
        let serials = self.serials.as_deref().map(serials).transpose()?;
        Ok(Filter { area, serials })
    }
}

/// What has to be so of a station, for a stream to tell about it.
#[derive(Debug, Default, PartialEq)]
pub struct Filter {
    area: Option<Area>,
    serials: Option<BTreeSet<Serial>>,
}

impl Filter {
    pub fn admits(&self, view: &StationView) -> bool {
        let info = &view.info;
        self.area.as_ref().is_none_or(|area| area.has(info.about.latitude, info.about.longitude))
            && self.serials.as_ref().is_none_or(|serials| serials.contains(&info.serial))
    }
}

#[derive(Debug, PartialEq)]
struct Area {
    west: f64,
    south: f64,
    east: f64,
    north: f64,
}

impl Area {
    fn read(text: &str) -> Result<Area, ApiError> {
        let sides: Vec<&str> = text.split(',').collect();
        let [west, south, east, north] = sides[..] else { return Err(invalid_coordinates()) };
        let area = Area {
            west: degrees(west, 180.0)?,
            south: degrees(south, 90.0)?,
            east: degrees(east, 180.0)?,
            north: degrees(north, 90.0)?,
        };
        let is_area = area.west <= area.east && area.south <= area.north;
        if is_area { Ok(area) } else { Err(invalid_coordinates()) }
    }

    fn has(&self, latitude: f64, longitude: f64) -> bool {
        (self.south..=self.north).contains(&latitude)
            && (self.west..=self.east).contains(&longitude)
    }
}

fn serials(text: &str) -> Result<BTreeSet<Serial>, ApiError> {
    let named = text.split(',').map(str::trim).filter(|name| !name.is_empty());
    let named: Result<BTreeSet<Serial>, _> = named.map(Serial::parse).collect();
    let named = named.map_err(|error| ApiError::field("serials", error.to_string()))?;
    if named.is_empty() || named.len() > SERIALS_MAX {
        return Err(ApiError::field("serials", "must be 1 to 100 serials"));
    }
    Ok(named)
}
