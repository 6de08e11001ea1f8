//! Numbers in as many bytes as they need: seven bits each, the lowest first, the high bit says that
//! more follow (LEB128).

use super::Malformed;

/// Appends a number.
pub(super) fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Takes a number from the front.
pub(super) fn take(from: &mut &[u8]) -> Result<u64, Malformed> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = from
            .split_first()
            .ok_or_else(|| Malformed::new("a number is cut off"))?;
        *from = rest;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            break;
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(Malformed::new("a number has more than 64 bits"))
}

/// Takes `count` bytes from the front.
pub(super) fn take_bytes<'a>(from: &mut &'a [u8], count: usize) -> Result<&'a [u8], Malformed> {
    let (bytes, rest) = from
        .split_at_checked(count)
        .ok_or_else(|| Malformed::new("contents are cut off"))?;
    *from = rest;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_put_is_taken(values: Vec<u64>) {
            let mut bytes = Vec::new();
            values.iter().for_each(|&value| put(&mut bytes, value));
            let mut rest = &bytes[..];
            for value in values {
                prop_assert_eq!(take(&mut rest), Ok(value));
            }
            prop_assert!(rest.is_empty() && take(&mut rest).is_err());
        }
    }

    #[test]
    fn a_number_without_end_is_refused() {
        assert!(take(&mut &[0xff; 20][..]).is_err());
        assert!(take(&mut &[0x80; 9][..]).is_err());
    }
}
