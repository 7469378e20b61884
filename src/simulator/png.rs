//! A grey picture as PNG. Nothing is compressed, so a few lines are all it takes.

/// A picture of `width` grey values a row, 255 white.
pub(super) fn encode(width: usize, pixels: &[u8]) -> Vec<u8> {
    let height = pixels.len() / width;
    let mut header = Vec::new();
    header.extend(be32(width));
    header.extend(be32(height));
    // 8 bits of grey; the only ways to compress and to filter; not interlaced.
    header.extend([8, 0, 0, 0, 0]);
    // Each row begins with its filter: none.
    let rows: Vec<u8> = pixels
        .chunks(width)
        .flat_map(|row| std::iter::once(0).chain(row.iter().copied()))
        .collect();
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    chunk(&mut png, *b"IHDR", &header);
    chunk(&mut png, *b"IDAT", &zlib(&rows));
    chunk(&mut png, *b"IEND", &[]);
    png
}

fn be32(number: usize) -> [u8; 4] {
    u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes()
}

fn chunk(png: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    png.extend(be32(data.len()));
    let start = png.len();
    png.extend(kind);
    png.extend(data);
    let crc = crc32(png.get(start..).unwrap_or_default());
    png.extend(crc.to_be_bytes());
}

/// Stored blocks of at most 65,535 bytes.
fn zlib(data: &[u8]) -> Vec<u8> {
    let mut stream = vec![0x78, 0x01];
    let mut blocks = data.chunks(usize::from(u16::MAX)).peekable();
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        stream.push(u8::from(blocks.peek().is_none()));
        stream.extend(length.to_le_bytes());
        stream.extend((!length).to_le_bytes());
        stream.extend(block);
    }
    stream.extend(adler32(data).to_be_bytes());
    stream
}

fn crc32(data: &[u8]) -> u32 {
    !data.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 }
        })
    })
}

fn adler32(data: &[u8]) -> u32 {
    const MODULUS: u32 = 65_521;
    let (a, b) = data.iter().fold((1, 0), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % MODULUS;
        (a, (b + a) % MODULUS)
    });
    b << 16 | a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksums_are_those_of_their_standards() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(adler32(b"Wikipedia"), 0x11e6_0398);
    }

    #[test]
    fn a_picture_of_one_white_dot_is_spelled_byte_by_byte() {
        let want = b"\x89PNG\r\n\x1a\n\
            \0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0\x3a\x7e\x9b\x55\
            \0\0\0\x0dIDAT\x78\x01\x01\x02\0\xfd\xff\0\xff\x01\x01\x01\0";
        let png = encode(1, &[255]);
        assert!(png.starts_with(want), "{png:x?}");
        assert!(png.ends_with(b"\0\0\0\0IEND\xae\x42\x60\x82"));
    }
}
