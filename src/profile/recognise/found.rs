//! The attributes that could be parts of what a product is, where there is exactly one for each.

use crate::model::{DataType, Datapoint, NumberSpec, ProductSchema};
use crate::profile::hints::{measures, parts, purpose};

/// From here on a number of a colour temperature is one of kelvin.
const LEAST_KELVIN: f64 = 1_000.0;

/// A number with its limits.
type Number<'a> = (&'a Datapoint, NumberSpec);

/// See the module.
pub(super) struct Found<'a> {
    pub(super) power: Option<&'a Datapoint>,
    pub(super) light_power: Option<&'a Datapoint>,
    pub(super) target_temperature: Option<Number<'a>>,
    pub(super) current_temperature: Option<Number<'a>>,
    pub(super) target_humidity: Option<Number<'a>>,
    pub(super) current_humidity: Option<Number<'a>>,
    pub(super) speed: Option<Number<'a>>,
    pub(super) speed_words: Option<&'a Datapoint>,
    pub(super) brightness: Option<Number<'a>>,
    pub(super) color_temperature: Option<Number<'a>>,
    /// Red, green and blue.
    pub(super) colours: Option<[Number<'a>; 3]>,
    pub(super) mode: Option<&'a Datapoint>,
}

impl<'a> Found<'a> {
    pub(super) fn of(schema: &'a ProductSchema) -> Self {
        let of_use = schema
            .datapoints()
            .iter()
            .filter(|d| !purpose::is_internal(d));
        let (set, shown): (Vec<&Datapoint>, Vec<&Datapoint>) =
            of_use.partition(|d| d.is_settable());
        let bools = || kind(&set, |d| matches!(d.data_type, DataType::Bool));
        let enums = || kind(&set, |d| matches!(d.data_type, DataType::Enum(_)));
        let (numbers, measured) = (numbers(&set), numbers(&shown));
        Self {
            power: only(bools(), parts::is_power),
            light_power: only(bools(), parts::is_light_power),
            target_temperature: only_number(&numbers, parts::is_target_temperature),
            current_temperature: current(&measured, measures::is_temperature),
            target_humidity: only_number(&numbers, measures::is_humidity),
            current_humidity: current(&measured, measures::is_humidity),
            speed: only_number(&numbers, parts::is_speed),
            speed_words: only(enums(), parts::is_speed),
            brightness: only_number(&numbers, parts::is_brightness),
            color_temperature: only_number(&numbers, parts::is_color_temperature)
                .filter(|(_, spec)| spec.min >= LEAST_KELVIN),
            colours: colours(&numbers),
            mode: only(enums(), parts::is_mode),
        }
    }
}

fn kind<'a>(all: &[&'a Datapoint], is: impl Fn(&Datapoint) -> bool) -> Vec<&'a Datapoint> {
    all.iter().copied().filter(|d| is(d)).collect()
}

fn numbers<'a>(all: &[&'a Datapoint]) -> Vec<Number<'a>> {
    let number = |datapoint: &&'a Datapoint| match &datapoint.data_type {
        DataType::Number(spec) => Some((*datapoint, *spec)),
        DataType::Bool | DataType::Enum(_) | DataType::Binary { .. } | DataType::Text => None,
    };
    all.iter().filter_map(number).collect()
}

fn only(all: Vec<&Datapoint>, is: fn(&Datapoint) -> bool) -> Option<&Datapoint> {
    let mut fitting = all.into_iter().filter(|d| is(d));
    let first = fitting.next()?;
    fitting.next().is_none().then_some(first)
}

fn only_number<'a>(all: &[Number<'a>], is: impl Fn(&Datapoint) -> bool) -> Option<Number<'a>> {
    let mut fitting = all.iter().filter(|(d, _)| is(d));
    let first = fitting.next()?;
    fitting.next().is_none().then_some(*first)
}

/// Of several the one that says that it is now, or here.
fn current<'a>(all: &[Number<'a>], is: fn(&Datapoint) -> bool) -> Option<Number<'a>> {
    let is_now = |d: &Datapoint| is(d) && parts::is_current(d);
    only_number(all, is).or_else(|| only_number(all, is_now))
}

/// A lamp of more colours than three shows no colour by three of them.
fn colours<'a>(all: &[Number<'a>]) -> Option<[Number<'a>; 3]> {
    let of = |colour: char| only_number(all, |d| parts::colour(d) == Some(colour));
    let others = all.iter().any(|(d, _)| parts::colour(d) == Some('x'));
    let found = [of('r')?, of('g')?, of('b')?];
    let is_channel = |(_, spec): &Number<'_>| spec.max > 1.0 && spec.addition == 0.0;
    (!others && found.iter().all(is_channel)).then_some(found)
}
