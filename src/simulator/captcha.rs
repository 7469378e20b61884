//! The picture of a captcha: digits that a person reads, with some noise.

use super::png;

/// Dots for each dot of a digit, which has 5 by 7.
const SCALE: usize = 4;
const MARGIN: usize = 10;
const PITCH: usize = 6 * SCALE;
const HEIGHT: usize = 7 * SCALE + 2 * MARGIN;

/// Rows of five dots, the leftmost first.
const DIGITS: [[u8; 7]; 10] = [
    [0x0e, 0x11, 0x13, 0x15, 0x19, 0x11, 0x0e],
    [0x04, 0x0c, 0x04, 0x04, 0x04, 0x04, 0x0e],
    [0x0e, 0x11, 0x01, 0x02, 0x04, 0x08, 0x1f],
    [0x1f, 0x02, 0x04, 0x02, 0x01, 0x11, 0x0e],
    [0x02, 0x06, 0x0a, 0x12, 0x1f, 0x02, 0x02],
    [0x1f, 0x10, 0x1e, 0x01, 0x01, 0x11, 0x0e],
    [0x06, 0x08, 0x10, 0x1e, 0x11, 0x11, 0x0e],
    [0x1f, 0x01, 0x02, 0x04, 0x08, 0x08, 0x08],
    [0x0e, 0x11, 0x11, 0x0e, 0x11, 0x11, 0x0e],
    [0x0e, 0x11, 0x11, 0x0f, 0x01, 0x02, 0x0c],
];

/// The same code and noise are the same picture.
pub(super) fn draw(code: &str, noise: u64) -> Vec<u8> {
    let mut chance = fastrand::Rng::with_seed(noise);
    let width = code.len() * PITCH + 2 * MARGIN;
    let mut pixels = vec![255; width * HEIGHT];
    for pixel in &mut pixels {
        *pixel = chance.u8(190..);
    }
    let digits = code.chars().filter_map(|c| c.to_digit(10));
    for (at, digit) in digits.enumerate() {
        let up_or_down = chance.usize(..MARGIN);
        let left = MARGIN + at * PITCH;
        let ink = chance.u8(..90);
        let shape = usize::try_from(digit).ok().and_then(|at| DIGITS.get(at));
        for (row, dots) in shape.into_iter().flatten().enumerate() {
            for column in (0..5).filter(|column| dots & (0x10 >> column) != 0) {
                let corner = (left + column * SCALE, up_or_down + MARGIN / 2 + row * SCALE);
                blot(&mut pixels, width, corner, ink);
            }
        }
    }
    png::encode(width, &pixels)
}

fn blot(pixels: &mut [u8], width: usize, (left, top): (usize, usize), ink: u8) {
    for row in pixels.chunks_mut(width).skip(top).take(SCALE) {
        for pixel in row.iter_mut().skip(left).take(SCALE) {
            *pixel = ink;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_digit_has_a_shape_of_its_own() {
        let pictures: std::collections::BTreeSet<Vec<u8>> =
            (0..10).map(|digit| draw(&digit.to_string(), 1)).collect();
        assert_eq!(pictures.len(), 10);
        assert_eq!(draw("123456", 7), draw("123456", 7));
        assert_ne!(draw("123456", 7), draw("123456", 8));
    }
}
