//! What a client may ask of the stations: a place, a distance, a text, a status.

use std::collections::HashSet;
use std::sync::Arc;

use serde::Deserialize;
use utoipa::IntoParams;

use crate::actors::availability::{Availability, Near, StationView, distance};
use crate::http::error::{ApiError, Code};
use crate::http::page::{Page, Wanted};

#[cfg(test)]
mod tests;

/// Kilometres, when a list with a place names none.
const DISTANCE: f64 = 10.0;
const DISTANCE_MAX: f64 = 50.0;
/// Kilometres, when the nearby ones are asked for without a radius.
const RADIUS: f64 = 5.0;
const RADIUS_MIN: f64 = 0.1;
/// A radius above this is refused; one above [`RADIUS_CAP`] counts as that.
const RADIUS_MAX: f64 = 50.0;
const RADIUS_CAP: f64 = 20.0;
const SEARCH_MAX: usize = 100;

/// Numbers are read by hand, because a wrong place has a code of its own.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Part of a name, an address, a landmark or a serial, in any case.
    search: Option<String>,
    /// Degrees north of where the rider is; stations are then listed by distance.
    #[param(value_type = Option<f64>, minimum = -90, maximum = 90)]
    lat: Option<String>,
    /// Degrees east.
    #[param(value_type = Option<f64>, minimum = -180, maximum = 180)]
    lng: Option<String>,
    /// Kilometres, with a place only: 10 if not given; more than 50 counts as 50.
    #[param(value_type = Option<f64>)]
    max_distance: Option<String>,
    /// `ONLINE` or `OFFLINE`.
    status: Option<String>,
}

/// What a list is asked for.
#[derive(Debug, Default, PartialEq)]
pub struct List {
    /// In lower case.
    pub search: Option<String>,
    pub around: Option<Around>,
    pub status: Option<&'static str>,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct NearbyQuery {
    /// Degrees north.
    #[param(required, value_type = f64, minimum = -90, maximum = 90)]
    lat: Option<String>,
    /// Degrees east.
    #[param(required, value_type = f64, minimum = -180, maximum = 180)]
    lng: Option<String>,
    /// Kilometres, 0.1 to 50; 5 if not given; more than 20 counts as 20.
    #[param(value_type = Option<f64>, minimum = 0.1, maximum = 50)]
    radius: Option<String>,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PlaceQuery {
    /// Degrees north of where the rider is.
    #[param(value_type = Option<f64>, minimum = -90, maximum = 90)]
    lat: Option<String>,
    /// Degrees east.
    #[param(value_type = Option<f64>, minimum = -180, maximum = 180)]
    lng: Option<String>,
}

/// Somewhere on earth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    pub latitude: f64,
    pub longitude: f64,
}

/// A circle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Around {
    pub place: Place,
    pub metres: f64,
}

impl ListQuery {
    pub fn read(&self) -> Result<List, ApiError> {
        let around = match Place::read(self.lat.as_deref(), self.lng.as_deref())? {
            None => None,
            Some(place) => {
                let distance = number("max_distance", self.max_distance.as_deref())?;
                let distance = distance.unwrap_or(DISTANCE).min(DISTANCE_MAX);
                if distance <= 0.0 {
                    return Err(ApiError::field("max_distance", "must be more than 0"));
                }
                Some(Around { place, metres: metres(distance) })
            }
        };
        let search = given(self.search.as_deref()).map(str::to_lowercase);
        if search.as_ref().is_some_and(|text| text.len() > SEARCH_MAX) {
            return Err(ApiError::field("search", "must not be longer than 100 characters"));
        }
        Ok(List { search, around, status: status(self.status.as_deref())? })
    }
}

/// A station that was asked for, and how far it is from the place that was named.
#[derive(Debug)]
pub struct Found {
    pub view: Arc<StationView>,
    pub metres: Option<f64>,
}

impl List {
    /// The page that is wanted: by name, or by distance when there is a place. Of the whole
    /// network only the page itself is fetched.
    pub fn page(&self, availability: &Availability, wanted: Wanted) -> (Page, Vec<Found>) {
        if *self == List::default() {
            let (total, views) = availability.listed(|total| wanted.of(total as u64).places());
            let found = views.into_iter().map(|view| Found { view, metres: None });
            return (wanted.of(total as u64), found.collect());
        }
        let mut found = self.find(availability);
        let page = wanted.of(found.len() as u64);
        let found = found.drain(page.places()).collect();
        (page, found)
    }

    /// By name, or by distance when there is a place.
    fn find(&self, availability: &Availability) -> Vec<Found> {
        let by_name = |view| Found { view, metres: None };
        let mut found: Vec<Found> = match (&self.around, &self.search) {
            (Some(around), _) => around.find(availability),
            (None, Some(text)) => availability.search(text).into_iter().map(by_name).collect(),
            (None, None) => availability.all().map(by_name).collect(),
        };
        if let (Some(_), Some(text)) = (&self.around, &self.search) {
            let named: HashSet<_> =
                availability.search(text).into_iter().map(|view| view.info.id).collect();
            found.retain(|found| named.contains(&found.view.info.id));
        }
        found.retain(|found| self.admits(&found.view));
        found
    }

    fn admits(&self, view: &StationView) -> bool {
        !view.maintenance && self.status.is_none_or(|status| status == view.app_status())
    }
}

impl Around {
    /// Nearest first, without those under maintenance.
    pub fn find(&self, availability: &Availability) -> Vec<Found> {
        let Around { place, metres } = self;
        let near = availability.near(place.latitude, place.longitude, *metres).into_iter();
        near.filter(|near| !near.view.maintenance)
            .map(|Near { view, metres }| Found { view, metres: Some(metres) })
            .collect()
    }
}

impl NearbyQuery {
    pub fn read(&self) -> Result<Around, ApiError> {
        let required = |name: &str| ApiError::field(name, "This field is required.");
        given(self.lat.as_deref()).ok_or_else(|| required("lat"))?;
        given(self.lng.as_deref()).ok_or_else(|| required("lng"))?;
        let place = Place::read(self.lat.as_deref(), self.lng.as_deref())?;
        let radius = number("radius", self.radius.as_deref())?.unwrap_or(RADIUS);
        if !(RADIUS_MIN..=RADIUS_MAX).contains(&radius) {
            return Err(ApiError::field("radius", "must be between 0.1 and 50"));
        }
        let place = place.ok_or_else(|| required("lat"))?;
        Ok(Around { place, metres: metres(radius.min(RADIUS_CAP)) })
    }
}

impl PlaceQuery {
    pub fn read(&self) -> Result<Option<Place>, ApiError> {
        Place::read(self.lat.as_deref(), self.lng.as_deref())
    }
}

impl Place {
    /// Both or none.
    fn read(lat: Option<&str>, lng: Option<&str>) -> Result<Option<Place>, ApiError> {
        match (given(lat), given(lng)) {
            (None, None) => Ok(None),
            (Some(lat), Some(lng)) => {
                let place =
                    Place { latitude: degrees(lat, 90.0)?, longitude: degrees(lng, 180.0)? };
                Ok(Some(place))
            }
            (Some(_), None) | (None, Some(_)) => Err(invalid_coordinates()),
        }
    }

    pub fn metres_to(&self, view: &StationView) -> f64 {
        let info = &view.info;
        distance(self.latitude, self.longitude, info.about.latitude, info.about.longitude)
    }
}

/// Degrees between `-bound` and `bound`.
pub fn degrees(text: &str, bound: f64) -> Result<f64, ApiError> {
    let degrees = text.trim().parse().ok().filter(|degrees: &f64| degrees.abs() <= bound);
    degrees.ok_or_else(invalid_coordinates)
}

pub fn invalid_coordinates() -> ApiError {
    ApiError::new(Code::InvalidCoordinates, "Invalid coordinates")
}

fn status(text: Option<&str>) -> Result<Option<&'static str>, ApiError> {
    let Some(text) = given(text) else { return Ok(None) };
    let known = ["ONLINE", "OFFLINE"].into_iter().find(|word| word.eq_ignore_ascii_case(text));
    known.map(Some).ok_or_else(|| ApiError::field("status", "must be ONLINE or OFFLINE"))
}

fn number(name: &str, text: Option<&str>) -> Result<Option<f64>, ApiError> {
    let Some(text) = given(text) else { return Ok(None) };
    let number = text.parse().ok().filter(|number: &f64| number.is_finite());
    number.map(Some).ok_or_else(|| ApiError::field(name, "A valid number is required."))
}

/// The app sends an empty text where it has nothing to say.
fn given(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

#[expect(clippy::float_arithmetic, reason = "a distance, not money")]
fn metres(kilometres: f64) -> f64 {
    kilometres * 1000.0
}
