// SPDX-License-Identifier: MIT OR Apache-2.0
use crate::dukpt::Scheme;
use crate::error::Error;

/// How a key owner divides the KSNs of its devices: key set, device, counter.
///
/// The standard fixes the counter only: the rightmost 21 bits of 10 bytes (TDEA), the rightmost 32 bits of 12 bytes
/// (AES). How the bits before it are divided is agreed between key owner and host. **Nothing is derived from the
/// division**: it finds the BDK and names the device, and keys come from the whole KSN.
///
/// Layouts of TDEA are told in hexadecimal digits, such as "6-5-5". The counter's 21 bits are one more than its five
/// digits, so it takes the lowest bit of the device's last digit: five digits of device are 19 bits. In the usual
/// example FFFF 987654 3210E 00008 the device is 3210E with that bit zero, as number 19087 hexadecimal; once 2^20
/// counters have gone by the digits read 3210F, of the same device.
///
/// # Example
/// ```
/// use payhsm::dukpt::{KsnLayout, tdes};
///
/// let ksn = tdes::Ksn::from_short(&[0x98, 0x76, 0x54, 0x32, 0x10, 0xE0, 0x00, 0x08])?;
/// let fields = KsnLayout::TDEA_6_5_5.split(ksn.as_bytes())?;
/// assert_eq!((fields.key_set, fields.device, fields.counter), (0x987654, 0x3210E >> 1, 8));
/// # Ok::<(), payhsm::error::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KsnLayout {
    scheme: Scheme,
    /// Leading one bits that say nothing.
    fill: u8,
    key_set: u8,
    device: u8,
}

/// The parts of a KSN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KsnFields {
    /// Key set: which BDK. With AES the BDK id.
    #[doc(alias = "KSI")]
    pub key_set: u64,
    /// Device under this BDK. With AES the derivation id.
    #[doc(alias = "TRSM")]
    pub device: u64,
    /// Transaction counter; 0 in the serial number of an initial key.
    pub counter: u32,
}

impl KsnLayout {
    /// Ten digits of key set, five of device, five of counter: 40, 19 and 21 bits of 10 bytes.
    ///
    /// Also the older division of the first ten digits into issuer (6), customer (2) and group (2).
    pub const TDEA_10_5_5: Self = Self::tdea(0, 40, 19);
    /// Six digits of key set, five of device, five of counter: 24, 19 and 21 bits. The other four digits of the 10 bytes
    /// are FFFF, and messages may leave them out.
    pub const TDEA_6_5_5: Self = Self::tdea(16, 24, 19);
    /// BDK id, derivation id, counter: 32 bits each of 12 bytes. The division of X9.24-3 itself.
    pub const AES: Self = Self {
        scheme: Scheme::Aes,
        fill: 0,
        key_set: 32,
        device: 32,
    };

    const fn tdea(fill: u8, key_set: u8, device: u8) -> Self {
        Self {
            scheme: Scheme::Tdes,
            fill,
            key_set,
            device,
        }
    }

    /// A division told in bits from the left; before the key set the KSN is filled with one bits.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] unless the key set and the device have a bit or more each and both together at most
    /// the 59 (TDEA) or 64 (AES) bits before the counter.
    pub const fn from_bits(scheme: Scheme, key_set: u8, device: u8) -> Result<Self, Error> {
        let identity: u8 = match scheme {
            Scheme::Tdes => 59,
            Scheme::Aes => 64,
        };
        let Some(named) = key_set.checked_add(device) else {
            return Err(Error::InvalidArgument);
        };
        match identity.checked_sub(named) {
            Some(fill) if key_set != 0 && device != 0 => Ok(Self {
                scheme,
                fill,
                key_set,
                device,
            }),
            _ => Err(Error::InvalidArgument),
        }
    }

    /// A division of the 20 digits (TDEA) or 24 digits (AES) of a KSN, told as in "10-5-5", "6-5-5", "8-8-8". Digits
    /// that are left over are F and stand first.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if the counter has neither 5 digits (TDEA) nor 8 (AES), if the parts are longer than
    /// the KSN, or if key set or device has no digit.
    pub const fn from_digits(key_set: u8, device: u8, counter: u8) -> Result<Self, Error> {
        if key_set > 16 || device > 16 {
            return Err(Error::InvalidArgument);
        }
        let (key_set, device) = (key_set.wrapping_mul(4), device.wrapping_mul(4));
        match counter {
            // The counter takes one bit more than its digits.
            5 => Self::from_bits(Scheme::Tdes, key_set, device.saturating_sub(1)),
            8 => Self::from_bits(Scheme::Aes, key_set, device),
            _ => Err(Error::InvalidArgument),
        }
    }

    /// The scheme whose KSNs it divides.
    #[must_use]
    pub const fn scheme(self) -> Scheme {
        self.scheme
    }

    /// The parts of a KSN, or of the serial number of an initial key. Which counters are transactions is not judged.
    ///
    /// `ksn`: 10 bytes (TDEA) or 12 (AES). The short form of 8 bytes is completed first, by
    /// [`tdes::Ksn::from_short`](super::tdes::Ksn::from_short): whether the missing bytes were FF is for the protocol to
    /// say, not for the length.
    ///
    /// # Errors
    /// [`Error::InvalidKsn`] for any other length, or if the fill is not all ones.
    pub fn split(self, ksn: &[u8]) -> Result<KsnFields, Error> {
        if ksn.len() != self.scheme.ksn_len() {
            return Err(Error::InvalidKsn);
        }
        let mut bits = ksn.iter().fold(0_u128, |bits, &byte| (bits << 8) | u128::from(byte));
        let counter_bits: u8 = match self.scheme {
            Scheme::Tdes => 21,
            Scheme::Aes => 32,
        };
        let mut take = |width: u8| {
            let mask = !u128::MAX.checked_shl(width.into()).unwrap_or(0);
            let field = bits & mask;
            bits = bits.checked_shr(width.into()).unwrap_or(0);
            // No field has more than 64 bits.
            u64::try_from(field).unwrap_or(u64::MAX)
        };
        let counter = u32::try_from(take(counter_bits)).unwrap_or(u32::MAX);
        let device = take(self.device);
        let key_set = take(self.key_set);
        let ones = u64::MAX.checked_shl(self.fill.into()).map_or(u64::MAX, |high| !high);
        if take(self.fill) == ones {
            Ok(KsnFields {
                key_set,
                device,
                counter,
            })
        } else {
            Err(Error::InvalidKsn)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_divisions() {
        assert_eq!(KsnLayout::TDEA_6_5_5, KsnLayout::tdea(16, 24, 19));
        assert_eq!(KsnLayout::TDEA_10_5_5, KsnLayout::tdea(0, 40, 19));
        assert_ne!(KsnLayout::tdea(0, 40, 18), KsnLayout::TDEA_10_5_5);
    }
    use crate::dukpt::tdes;

    const DIGITS: [u8; 10] = [0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xFF, 0xFF, 0xFF];

    #[test]
    fn the_usual_layouts() {
        assert_eq!(KsnLayout::from_digits(10, 5, 5), Ok(KsnLayout::TDEA_10_5_5));
        assert_eq!(KsnLayout::from_digits(6, 5, 5), Ok(KsnLayout::TDEA_6_5_5));
        assert_eq!(KsnLayout::from_digits(8, 8, 8), Ok(KsnLayout::AES));
        assert_eq!(KsnLayout::from_bits(Scheme::Tdes, 40, 19), Ok(KsnLayout::TDEA_10_5_5));
        assert_eq!(KsnLayout::AES.scheme(), Scheme::Aes);
        let fields = KsnLayout::TDEA_10_5_5.split(&DIGITS).unwrap();
        assert_eq!(fields.key_set, 0x01_2345_6789);
        // ABCDF without its lowest bit, which is the counter's highest.
        assert_eq!(fields.device, 0xABCDF >> 1);
        assert_eq!(fields.counter, 0x1F_FFFF);
        let aes = [&DIGITS[..], &[0xFF, 0xFE]].concat();
        let fields = KsnLayout::AES.split(&aes).unwrap();
        assert_eq!(
            (fields.key_set, fields.device, fields.counter),
            (0x0123_4567, 0x89AB_CDFF, 0xFFFF_FFFE)
        );
    }

    #[test]
    fn parts_that_do_not_fit() {
        let refused = Err(Error::InvalidArgument);
        for (key_set, device, counter) in [
            (6, 5, 10),
            (11, 5, 5),
            (0, 5, 5),
            (10, 0, 5),
            (6, 5, 6),
            (9, 8, 8),
            (16, 0, 8),
            (255, 255, 5),
            (64, 1, 5),
            // Counts of bits that would fit if only eight of their own bits were kept.
            (72, 8, 8),
            (8, 72, 8),
        ] {
            assert_eq!(
                KsnLayout::from_digits(key_set, device, counter),
                refused,
                "{key_set}-{device}-{counter}"
            );
        }
        assert_eq!(KsnLayout::from_bits(Scheme::Tdes, 59, 1), refused);
        assert_eq!(KsnLayout::from_bits(Scheme::Tdes, 0, 59), refused);
        assert_eq!(KsnLayout::from_bits(Scheme::Aes, 200, 100), refused);
        assert_eq!(
            KsnLayout::from_bits(Scheme::Aes, 63, 1)
                .unwrap()
                .split(&[0xFF; 12])
                .unwrap()
                .key_set,
            (1 << 63) - 1
        );
    }

    #[test]
    fn the_fill_is_ones_and_the_length_fixed() {
        let short = tdes::Ksn::from_short(&[0x98, 0x76, 0x54, 0x32, 0x10, 0xE0, 0, 8]).unwrap();
        assert!(KsnLayout::TDEA_6_5_5.split(short.as_bytes()).is_ok());
        let mut bytes = *short.as_bytes();
        bytes[1] = 0xFE;
        assert_eq!(KsnLayout::TDEA_6_5_5.split(&bytes), Err(Error::InvalidKsn));
        assert!(KsnLayout::TDEA_10_5_5.split(&bytes).is_ok());
        for len in (0..16).filter(|len| *len != 10) {
            assert_eq!(KsnLayout::TDEA_6_5_5.split(&[0xFF; 16][..len]), Err(Error::InvalidKsn));
        }
        for len in (0..16).filter(|len| *len != 12) {
            assert_eq!(KsnLayout::AES.split(&[0xFF; 16][..len]), Err(Error::InvalidKsn));
        }
    }
}
