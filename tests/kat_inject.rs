// SPDX-License-Identifier: MIT OR Apache-2.0
//! Key injection: component ceremonies and the authenticated agreement of a KBPK. No published vector covers the
//! agreement's messages, so an independent composition of the parts stands beside it.
#![cfg(all(feature = "hazmat", feature = "ec"))]

#[path = "common/vectors.rs"]
mod vectors;

mod component {
    use payhsm::error::Error;
    use payhsm::inject::component::*;
    use payhsm::key::role::Kek;
    use payhsm::key::usage::KeyAlgorithm;
    use payhsm::key::{Aes, Key, Tdea, parity};
    use proptest::prelude::*;

    use crate::vectors::cases;

    const A: [u8; 16] = *b"\x01\x23\x45\x67\x89\xAB\xCD\xEF\xFE\xDC\xBA\x98\x76\x54\x32\x10";
    const B: [u8; 16] = *b"\x8F\x11\x5E\xA3\x40\x77\x02\xC9\x35\x6A\xDD\x18\xE4\x90\x2B\x7C";

    fn tdea(parts: usize) -> Ceremony {
        Ceremony::new(KeyAlgorithm::Tdea, 16, parts).unwrap()
    }

    fn aes(parts: usize) -> Ceremony {
        Ceremony::new(KeyAlgorithm::Aes, 16, parts).unwrap()
    }

    fn sum(a: &[u8; 16], b: &[u8; 16]) -> [u8; 16] {
        core::array::from_fn(|i| a[i] ^ b[i])
    }

    /// Opens a ceremony and gives the parts as custodians 1, 2, ...
    fn give(ceremony: &Ceremony, parts: &[&[u8]]) -> Result<Assembly, Error> {
        let mut assembly = Assembly::empty();
        assembly.begin(ceremony)?;
        for (part, custodian) in parts.iter().zip(1..) {
            if let Err(error) = assembly.add(CustodianId(custodian), part, None) {
                assert!(!assembly.is_open() && assembly.missing() == 0);
                return Err(error);
            }
        }
        Ok(assembly)
    }

    fn finish(ceremony: &Ceremony, parts: &[&[u8]]) -> Result<Vec<u8>, Error> {
        let mut assembly = give(ceremony, parts)?;
        // A key that was here before is gone when the ceremony fails.
        let mut out = Key::<Kek, Tdea>::from_bytes(&[0x55; 16]).unwrap();
        let result = assembly.finish(&mut out);
        assert!(!assembly.is_open());
        assert_eq!(out.is_empty(), result.is_err());
        result.map(|_| out.expose_bytes().to_vec())
    }

    #[test]
    fn published_components() {
        let cases = cases("key_management", "xor_components");
        assert_eq!(cases.len(), 2);
        for case in cases {
            let parts: Vec<Vec<u8>> = case.list("Components").iter().map(crate::vectors::Value::hex).collect();
            let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
            let mut key = [0; 16];
            combine(&parts, &mut key).unwrap();
            if let Some(expected) = case.opt_hex("Key") {
                assert_eq!(key[..], expected);
                assert_eq!(finish(&tdea(parts.len()), &parts).unwrap(), expected);
            }
            // The KCV does not see parity.
            let _ = case.opt_bool("Parity_adjusted");
            parity::set_odd(&mut key);
            let Some(kcv) = case.opt_hex("Kcv") else { continue };
            let kcv = CheckValue::Legacy(kcv.try_into().unwrap());
            // One of the published ceremonies has a zero part, which is refused: it can be had by leaving it out.
            let parts: Vec<&[u8]> = parts.into_iter().filter(|part| part.iter().any(|&b| b != 0)).collect();
            let expecting = tdea(parts.len()).expect(kcv).unwrap();
            let odd = expecting.with_parity(Parity::Odd);
            let result = finish(&odd, &parts).unwrap();
            assert!(bool::from(parity::is_odd(&result)));
            let mut as_is = finish(&expecting, &parts).unwrap();
            parity::set_odd(&mut as_is);
            assert_eq!(result, as_is);
            assert_eq!(result, key);
        }
        assert_eq!(combine(&[], &mut [1; 16]), Err(Error::InvalidArgument));
        assert_eq!(combine(&[&A, &A[..15]], &mut [1; 16]), Err(Error::InvalidLength));
    }

    #[test]
    fn check_values_of_parts_and_result() {
        // A published KCV, and what is said of the second part.
        let second = |kcv: Option<CheckValue>| {
            let mut assembly = Assembly::empty();
            assembly.begin(&tdea(2).require_part_kcv()).unwrap();
            let published = CheckValue::Legacy([0x08, 0xD7, 0xB4]);
            assembly.add(CustodianId(1), &A, Some(published)).unwrap();
            assembly.add(CustodianId(2), &B, kcv).map(drop)
        };
        assert_eq!(second(None), Err(Error::Component));
        assert_eq!(second(Some(CheckValue::Legacy([0; 3]))), Err(Error::VerificationFailed));

        // What `add` and `finish` show is what they take.
        let mut assembly = give(&tdea(2), &[]).unwrap();
        let a = assembly.add(CustodianId(1), &A, None).unwrap();
        let b = assembly.add(CustodianId(2), &B, None).unwrap();
        let k = assembly.finish(&mut Key::<Kek, Tdea>::empty()).unwrap();
        let again = |a, b, k| -> Result<(), Error> {
            let mut assembly = Assembly::empty();
            assembly.begin(&tdea(2).require_part_kcv().expect(CheckValue::Cmac(k))?)?;
            assembly.add(CustodianId(1), &A, Some(CheckValue::Cmac(a)))?;
            assembly.add(CustodianId(2), &B, Some(CheckValue::Cmac(b)))?;
            assembly.finish(&mut Key::<Kek, Tdea>::empty()).map(drop)
        };
        assert_eq!(again(a, b, k), Ok(()));
        for bit in 0..40 {
            let flip = |mut kcv: [u8; 5]| {
                kcv[bit / 8] ^= 0x80 >> (bit % 8);
                kcv
            };
            assert_eq!(again(flip(a), b, k), Err(Error::VerificationFailed));
            assert_eq!(again(a, flip(b), k), Err(Error::VerificationFailed));
            assert_eq!(again(a, b, flip(k)), Err(Error::VerificationFailed));
        }
        // AES takes no legacy KCV.
        assert_eq!(
            aes(2).expect(CheckValue::Legacy([0; 3])).unwrap_err(),
            Error::AlgorithmMismatch
        );
    }

    #[test]
    fn e01_xor_to_null() {
        // Equal parts, also if only parity bits differ, and wherever they stand.
        let a_parity = A.map(|byte| byte ^ 1);
        for parts in [[&A[..], &A, &B], [&A, &B, &A], [&B, &A, &A], [&A, &a_parity, &B]] {
            assert_eq!(give(&tdea(3), &parts).unwrap_err(), Error::VerificationFailed);
        }
        assert_eq!(give(&aes(3), &[&A, &B, &A]).unwrap_err(), Error::VerificationFailed);
        give(&aes(2), &[&A, &a_parity]).unwrap();
        // Zero parts.
        assert_eq!(give(&tdea(2), &[&A, &[0; 16]]).unwrap_err(), Error::WeakKey);
        assert_eq!(give(&tdea(2), &[&[1; 16], &A]).unwrap_err(), Error::WeakKey);
        assert_eq!(give(&aes(2), &[&[0; 16]]).unwrap_err(), Error::WeakKey);
        // Zero, equal-half and weak results.
        let null = sum(&A, &B);
        assert_eq!(finish(&tdea(3), &[&A, &B, &null]), Err(Error::WeakKey));
        let weak: [u8; 16] = [&[0x5B; 8][..], &[0x1F, 0xE0, 0x1F, 0xE0, 0x0E, 0xF1, 0x0E, 0xF1]]
            .concat()
            .try_into()
            .unwrap();
        for result in [[0x5B; 16], [0x5A; 16], weak] {
            let last = sum(&sum(&A, &B), &result);
            assert_eq!(finish(&tdea(3), &[&A, &B, &last]), Err(Error::WeakKey));
        }
        let mut assembly = give(&aes(3), &[&A, &B, &null]).unwrap();
        let mut out = Key::<Kek, Aes>::from_bytes(&[0x55; 16]).unwrap();
        assert_eq!(assembly.finish(&mut out), Err(Error::WeakKey));
        assert!(out.is_empty());
    }

    #[test]
    fn e02_known_difference_rerun() {
        let mut first = give(&tdea(2), &[&A, &B]).unwrap();
        let kcv = first.finish(&mut Key::<Kek, Tdea>::empty()).unwrap();
        let fixed = tdea(2).expect(CheckValue::Cmac(kcv)).unwrap();
        finish(&fixed, &[&A, &B]).unwrap();
        let mut delta = B;
        delta[3] ^= 0x10;
        assert_eq!(finish(&fixed, &[&A, &delta]), Err(Error::VerificationFailed));
        // Without the KCV the related key would come in: the control.
        finish(&tdea(2), &[&A, &delta]).unwrap();
    }

    #[test]
    fn e03_order_custodians_and_lengths() {
        let mut assembly = Assembly::empty();
        let mut out = Key::<Kek, Tdea>::empty();
        assert_eq!(assembly.finish(&mut out), Err(Error::BadState));
        assert_eq!(assembly.add(CustodianId(1), &A, None), Err(Error::BadState));
        // One custodian twice, also as number 0.
        for id in [0, 1, u32::MAX] {
            assembly.begin(&tdea(2)).unwrap();
            assembly.add(CustodianId(id), &A, None).unwrap();
            assert_eq!(assembly.add(CustodianId(id), &B, None), Err(Error::Component));
            assert!(!assembly.is_open());
        }
        // A part too few, a part too many, a part of another type.
        assert_eq!(finish(&tdea(2), &[&A]), Err(Error::BadState));
        assert_eq!(give(&tdea(2), &[&A, &B, &[9; 16]]).unwrap_err(), Error::BadState);
        assert_eq!(give(&tdea(2), &[&A, &[9; 24]]).unwrap_err(), Error::InvalidKeyLength);
        let mut aes_out = Key::<Kek, Aes>::empty();
        let mut assembly = give(&tdea(2), &[&A, &B]).unwrap();
        assert_eq!(assembly.finish(&mut aes_out), Err(Error::AlgorithmMismatch));
        assert!(aes_out.is_empty() && !assembly.is_open());
    }

    #[test]
    fn e04_a_second_ceremony_does_not_disturb_the_first() {
        let mut assembly = give(&tdea(2), &[&A]).unwrap();
        assert_eq!(assembly.begin(&aes(2)), Err(Error::BadState));
        assert_eq!(assembly.missing(), 1);
        assembly.add(CustodianId(2), &B, None).unwrap();
        let mut out = Key::<Kek, Tdea>::empty();
        assembly.finish(&mut out).unwrap();
        assert_eq!(out.expose_bytes(), sum(&A, &B));
    }

    #[test]
    fn ceremonies_that_do_not_exist() {
        for len in (0..40).filter(|len| ![16, 24].contains(len)) {
            assert_eq!(
                Ceremony::new(KeyAlgorithm::Tdea, len, 2).unwrap_err(),
                Error::InvalidKeyLength
            );
        }
        for len in (0..40).filter(|len| ![16, 24, 32].contains(len)) {
            assert_eq!(
                Ceremony::new(KeyAlgorithm::Aes, len, 2).unwrap_err(),
                Error::InvalidKeyLength
            );
        }
        for parts in [0, 1, 10, usize::MAX] {
            assert_eq!(
                Ceremony::new(KeyAlgorithm::Aes, 16, parts).unwrap_err(),
                Error::InvalidArgument
            );
        }
        for algorithm in [KeyAlgorithm::Des, KeyAlgorithm::Hmac, KeyAlgorithm::Ec] {
            assert_eq!(Ceremony::new(algorithm, 16, 2).unwrap_err(), Error::Unsupported);
        }
    }

    proptest! {
        /// Any number of random parts gives their exclusive or, in any order, with either algorithm.
        #[test]
        fn parts_add_up(
            parts in prop::collection::vec(prop::array::uniform32(any::<u8>()), 2..=9),
            len in prop::sample::select(vec![16_usize, 24, 32]),
        ) {
            let parts: Vec<&[u8]> = parts.iter().map(|part| &part[..len]).collect();
            let mut expected = vec![0; len];
            combine(&parts, &mut expected).unwrap();
            let ceremony = Ceremony::new(KeyAlgorithm::Aes, len, parts.len()).unwrap();
            for order in [parts.clone(), parts.iter().rev().copied().collect()] {
                let mut out = Key::<Kek, Aes>::empty();
                give(&ceremony, &order).unwrap().finish(&mut out).unwrap();
                prop_assert_eq!(out.expose_bytes(), &expected[..]);
            }
        }

        /// Any sequence of calls: the state is never other than the model's.
        #[test]
        fn call_sequences(calls in prop::collection::vec((0..4_u8, 0..4_u32, 0..4_u8), 1..40)) {
            let mut assembly = Assembly::empty();
            let mut model: Option<Vec<(u32, u8)>> = None;
            for (call, custodian, fill) in calls {
                match call {
                    0 => {
                        prop_assert_eq!(assembly.begin(&aes(3)).is_ok(), model.is_none());
                        model.get_or_insert_default();
                    }
                    1 | 2 => {
                        let mut part = A;
                        part[0] = fill;
                        let taken = model.take().filter(|given| {
                            given.len() < 3 && given.iter().all(|&(who, what)| who != custodian && what != fill)
                        });
                        let result = assembly.add(CustodianId(custodian), &part, None);
                        prop_assert_eq!(result.is_ok(), taken.is_some());
                        model = taken.map(|mut given| {
                            given.push((custodian, fill));
                            given
                        });
                    }
                    _ => {
                        let complete = model.take().filter(|given| given.len() == 3);
                        let mut out = Key::<Kek, Aes>::empty();
                        prop_assert_eq!(assembly.finish(&mut out).is_ok(), complete.is_some());
                        if let Some(given) = complete {
                            let mut expected = A;
                            expected[0] = given.iter().fold(0, |acc, &(_, what)| acc ^ what);
                            prop_assert_eq!(out.expose_bytes(), &expected[..]);
                        }
                    }
                }
                prop_assert_eq!(assembly.is_open(), model.is_some());
                prop_assert_eq!(assembly.missing(), model.as_ref().map_or(0, |given| 3 - given.len()));
            }
        }
    }
}

mod agreement {
    use hkdf::Hkdf;
    use payhsm::ecdh::{PrivateKey, PublicKey};
    use payhsm::ecdsa::{Signature, SigningKey, verify};
    use payhsm::entropy::Entropy;
    use payhsm::error::Error;
    use payhsm::inject::agreement::unauthenticated::{Agreement, Kdf};
    use payhsm::inject::agreement::*;
    use payhsm::kdf;
    use payhsm::key::role::{Kbpk, MacKey};
    use payhsm::key::{Aes, Key};
    use payhsm::mac::{Mac, cmac::CmacAes};
    use payhsm::secret::Secret;

    /// SplitMix64: repeatable, no more.
    struct Rng(u64);

    impl Entropy for Rng {
        fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
            for byte in out {
                self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
                let mut z = self.0;
                z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
                z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
                *byte = z.to_be_bytes()[0];
            }
            Ok(())
        }
    }

    struct Broken;

    impl Entropy for Broken {
        fn fill(&mut self, _: &mut [u8]) -> Result<(), Error> {
            Err(Error::Entropy)
        }
    }

    fn psk(fill: u8) -> Key<MacKey, Aes> {
        Key::from_bytes(&[fill; 16]).unwrap()
    }

    fn identity(text: &str) -> Identity {
        Identity::new(text.as_bytes()).unwrap()
    }

    fn parties(host: &str, terminal: &str, len: KbpkLen) -> Parties {
        Parties::new(identity(host), identity(terminal), len).unwrap()
    }

    /// A run under test: both states after M2.
    struct Run {
        host: Initiator,
        terminal: Responder,
        m1: [u8; M1_LEN],
        m2: [u8; M2_LEN],
    }

    fn run(seed: u64, host_view: &Parties, terminal_view: &Parties, terminal_psk: &Key<MacKey, Aes>) -> Run {
        let mut rng = Rng(seed);
        let mut host = Initiator::empty();
        let mut terminal = Responder::empty();
        let m1 = host.start(host_view, &mut rng).unwrap();
        let m2 = terminal
            .answer(terminal_psk, terminal_view, &m1, &PeerHistory::new(), &mut rng)
            .unwrap();
        Run { host, terminal, m1, m2 }
    }

    fn standard(seed: u64) -> Run {
        let view = parties("host", "terminal", KbpkLen::Aes128);
        run(seed, &view, &view, &psk(1))
    }

    fn full() -> Key<Kbpk, Aes> {
        Key::from_bytes(&[0x55; 16]).unwrap()
    }

    /// The host's end of a run that must fail; the output is emptied.
    fn host_refuses(host: Initiator, m2: &[u8; M2_LEN], psk: &Key<MacKey, Aes>, error: Error) {
        let mut out = full();
        assert_eq!(host.finish(psk, m2, &mut PeerHistory::new(), &mut out), Err(error));
        assert!(out.is_empty());
    }

    #[test]
    fn both_sides_get_the_same_key() {
        for len in [KbpkLen::Aes128, KbpkLen::Aes192, KbpkLen::Aes256] {
            for (a, b) in [("h", "t"), ("host-0123456789abcdef0123456789a", "a terminal")] {
                let view = parties(a, b, len);
                let mut run = run(7, &view, &view, &psk(1));
                let (mut k_host, mut k_terminal) = (full(), full());
                let (mut seen_host, mut seen_terminal) = (PeerHistory::new(), PeerHistory::new());
                let done = run
                    .host
                    .take()
                    .finish(&psk(1), &run.m2, &mut seen_host, &mut k_host)
                    .unwrap();
                let kcv = run
                    .terminal
                    .take()
                    .finish(&done.m3, &mut seen_terminal, &mut k_terminal)
                    .unwrap();
                assert_eq!(k_host.expose_bytes(), k_terminal.expose_bytes());
                assert_eq!(k_host.len(), len.bytes());
                assert_eq!(done.kcv, kcv);
                let mut cmac = CmacAes::new(k_host.expose_bytes()).unwrap();
                cmac.update(&[0; 16]);
                cmac.verify(&kcv).unwrap();
                // The places are spent.
                assert!(!run.host.is_started() && !run.terminal.is_started());
                host_refuses(run.host, &run.m2, &psk(1), Error::BadState);
                assert_eq!(
                    run.terminal.finish(&done.m3, &mut seen_terminal, &mut k_terminal),
                    Err(Error::BadState)
                );
                assert!(k_terminal.is_empty());
            }
        }
    }

    /// The messages and the key, composed anew from the module's documentation with the `hkdf` crate.
    #[test]
    fn composition() {
        let (mut a, mut b) = ([0; 32], [0; 32]);
        let (mut nonce_host, mut nonce_terminal) = ([0; 16], [0; 16]);
        let mut rng = Rng(99);
        rng.fill(&mut a).unwrap();
        rng.fill(&mut nonce_host).unwrap();
        rng.fill(&mut b).unwrap();
        rng.fill(&mut nonce_terminal).unwrap();
        let view = parties("H", "TERM", KbpkLen::Aes192);
        let mut run = run(99, &view, &view, &psk(3));
        let host_public = PrivateKey::from_bytes(&a).unwrap().public().to_sec1();
        let terminal = PrivateKey::from_bytes(&b).unwrap();
        let terminal_public = terminal.public().to_sec1();
        assert_eq!(run.m1[..], [&host_public[..], &nonce_host].concat());
        assert_eq!(run.m2[..81], [&terminal_public[..], &nonce_terminal].concat());
        let mut z = Secret::zeroed();
        terminal
            .agree(&PublicKey::from_sec1(&host_public).unwrap(), &mut z)
            .unwrap();
        let encode = |purpose: u8, kcv: &[u8]| {
            let mut t = b"payhsm KBPK agreement 2".to_vec();
            t.extend([purpose, b'M']);
            t.extend(b"\x01H\x04TERMK1A\x00\xC0");
            t.extend(host_public);
            t.extend(terminal_public);
            t.extend(nonce_host);
            t.extend(nonce_terminal);
            t.extend(kcv);
            t
        };
        let mut kbpk = [0; 24];
        let hkdf = Hkdf::<sha2::Sha256>::new(None, z.expose());
        hkdf.expand(&encode(b'K', &[]), &mut kbpk).unwrap();
        let cmac = |key: &[u8], message: &[u8]| {
            let mut tag = [0; 16];
            let mut cmac = CmacAes::new(key).unwrap();
            cmac.update(message);
            cmac.finish(&mut tag).unwrap();
            tag
        };
        let kcv = &cmac(&kbpk, &[0; 16])[..5];
        assert_eq!(run.m2[81..86], *kcv);
        assert_eq!(run.m2[86..], cmac(&[3; 16], &encode(b'T', kcv)));
        let mut out = Key::empty();
        let done = run
            .host
            .take()
            .finish(&psk(3), &run.m2, &mut PeerHistory::new(), &mut out)
            .unwrap();
        assert_eq!(out.expose_bytes(), kbpk);
        assert_eq!(done.m3, cmac(&[3; 16], &encode(b'H', kcv)));
    }

    #[test]
    fn every_bit_of_every_message_counts() {
        for bit in 0..M2_LEN * 8 {
            let mut run = standard(11);
            run.m2[bit / 8] ^= 0x80 >> (bit % 8);
            let mut out = full();
            let error = run
                .host
                .finish(&psk(1), &run.m2, &mut PeerHistory::new(), &mut out)
                .unwrap_err();
            assert!(out.is_empty());
            if bit / 8 >= 65 {
                assert_eq!(error, Error::VerificationFailed);
            }
        }
        for bit in 0..M3_LEN * 8 {
            let mut run = standard(11);
            let mut out = full();
            let mut history = PeerHistory::new();
            let mut m3 = run.host.finish(&psk(1), &run.m2, &mut history, &mut out).unwrap().m3;
            m3[bit / 8] ^= 0x80 >> (bit % 8);
            let result = run.terminal.take().finish(&m3, &mut history, &mut out);
            assert_eq!(result, Err(Error::VerificationFailed));
            assert!(out.is_empty());
        }
    }

    #[test]
    fn e06_invalid_points_are_refused_before_the_agreement() {
        let view = parties("host", "terminal", KbpkLen::Aes128);
        let mut bad = standard(5);
        bad.m1[64] ^= 1;
        let mut terminal = Responder::empty();
        // A broken generator shows that nothing was drawn.
        let result = terminal.answer(&psk(1), &view, &bad.m1, &PeerHistory::new(), &mut Broken);
        assert_eq!(result, Err(Error::EcPoint));
        assert!(!terminal.is_started());
        for first in [0, 2, 3, 5, 6, 7] {
            let mut run = standard(5);
            run.m2[0] = first;
            host_refuses(run.host, &run.m2, &psk(1), Error::EcPoint);
        }
    }

    #[test]
    fn e07_reflection_is_refused() {
        // The host's own public key back, with a tag as good as the attacker can make it: the terminal's tag.
        let mut run = standard(6);
        run.m2[..81].copy_from_slice(&run.m1);
        host_refuses(run.host, &run.m2, &psk(1), Error::EcPoint);
        // The host's tag of one run does not serve as the terminal's of another.
        let run = standard(6);
        let mut out = full();
        let done = run
            .host
            .finish(&psk(1), &run.m2, &mut PeerHistory::new(), &mut out)
            .unwrap();
        let mut again = standard(6);
        again.m2[86..].copy_from_slice(&done.m3);
        host_refuses(again.host, &again.m2, &psk(1), Error::VerificationFailed);
        // A terminal whose generator gives the host's key.
        let view = parties("host", "terminal", KbpkLen::Aes128);
        let m1 = Initiator::empty().start(&view, &mut Rng(1)).unwrap();
        let mut terminal = Responder::empty();
        let result = terminal.answer(&psk(1), &view, &m1, &PeerHistory::new(), &mut Rng(1));
        assert_eq!(result, Err(Error::EcPoint));
    }

    #[test]
    fn e07_ephemerals_are_used_once() {
        let view = parties("host", "terminal", KbpkLen::Aes128);
        let (mut seen_host, mut seen_terminal) = (PeerHistory::new(), PeerHistory::new());
        let mut first = standard(8);
        let mut out = full();
        let done = first.host.finish(&psk(1), &first.m2, &mut seen_host, &mut out).unwrap();
        first
            .terminal
            .take()
            .finish(&done.m3, &mut seen_terminal, &mut out)
            .unwrap();
        // M1 again.
        let mut terminal = Responder::empty();
        let result = terminal.answer(&psk(1), &view, &first.m1, &seen_terminal, &mut Rng(9));
        assert_eq!(result, Err(Error::EcPoint));
        // M2 again: made for another public key of the host.
        let mut host = Initiator::empty();
        host.start(&view, &mut Rng(10)).unwrap();
        host_refuses(host.take(), &first.m2, &psk(1), Error::VerificationFailed);
        // A terminal that repeats its key with a right tag.
        let m1 = host.start(&view, &mut Rng(12)).unwrap();
        let mut draws = Rng(8);
        draws.fill(&mut [0; 48]).unwrap();
        let m2 = terminal
            .answer(&psk(1), &view, &m1, &PeerHistory::new(), &mut draws)
            .unwrap();
        assert_eq!(m2[..65], first.m2[..65]);
        assert_eq!(
            host.take().finish(&psk(1), &m2, &mut seen_host, &mut out),
            Err(Error::EcPoint)
        );
        assert!(out.is_empty());
        // Two answers to one M1: the second M3 comes too late.
        let mut host = Initiator::empty();
        let m1 = host.start(&view, &mut Rng(20)).unwrap();
        let mut other = Responder::empty();
        let m2 = terminal
            .answer(&psk(1), &view, &m1, &seen_terminal, &mut Rng(21))
            .unwrap();
        other.answer(&psk(1), &view, &m1, &seen_terminal, &mut Rng(21)).unwrap();
        let done = host.finish(&psk(1), &m2, &mut seen_host, &mut out).unwrap();
        terminal.take().finish(&done.m3, &mut seen_terminal, &mut out).unwrap();
        assert_eq!(
            other.take().finish(&done.m3, &mut seen_terminal, &mut out),
            Err(Error::EcPoint)
        );
        assert!(out.is_empty());
    }

    #[test]
    fn the_history_keeps_eight() {
        let mut history = PeerHistory::new();
        let mut first = None;
        for seed in 0..9 {
            let mut run = standard(seed + 30);
            let mut out = full();
            run.host
                .take()
                .finish(&psk(1), &run.m2, &mut history, &mut out)
                .unwrap();
            let (m1, old) = *first.get_or_insert((run.m2, seed));
            let again = standard(old + 30);
            let result = again.host.finish(&psk(1), &m1, &mut history.clone(), &mut out);
            assert_eq!(result.is_ok(), seed == 8, "{seed}");
        }
    }

    #[test]
    fn e08_what_the_sides_do_not_share_fails() {
        let standard_view = parties("host", "terminal", KbpkLen::Aes128);
        for other in [
            parties("terminal", "host", KbpkLen::Aes128),
            parties("hostt", "erminal", KbpkLen::Aes128),
            parties("hos", "tterminal", KbpkLen::Aes128),
            parties("host", "terminal\0", KbpkLen::Aes128),
            parties("host", "terminal", KbpkLen::Aes192),
            parties("host", "terminal", KbpkLen::Aes256),
        ] {
            let mut run = run(3, &standard_view, &other, &psk(1));
            host_refuses(run.host.take(), &run.m2, &psk(1), Error::VerificationFailed);
            // The key itself is another one too.
            assert_ne!(run.m2[81..86], standard(3).m2[81..86]);
        }
        // Another PSK, on either side.
        let run = run(3, &standard_view, &standard_view, &psk(2));
        host_refuses(run.host, &run.m2, &psk(1), Error::VerificationFailed);
    }

    #[test]
    fn e08_empty_and_equal_identities_are_refused() {
        assert_eq!(Identity::new(b"").unwrap_err(), Error::InvalidLength);
        assert_eq!(Identity::new(&[b'x'; 33]).unwrap_err(), Error::InvalidLength);
        assert_eq!(Identity::new(&[b'x'; 32]).unwrap().as_bytes(), [b'x'; 32]);
        let twice = Parties::new(identity("a"), identity("a"), KbpkLen::Aes128);
        assert_eq!(twice.unwrap_err(), Error::InvalidArgument);
    }

    #[test]
    fn no_key_without_psk_entropy_or_start() {
        let view = parties("host", "terminal", KbpkLen::Aes128);
        let run = standard(4);
        host_refuses(Initiator::empty(), &run.m2, &psk(1), Error::BadState);
        host_refuses(run.host, &run.m2, &Key::empty(), Error::NoKey);
        let mut terminal = run.terminal;
        let history = PeerHistory::new();
        assert_eq!(
            terminal.answer(&Key::empty(), &view, &run.m1, &history, &mut Rng(1)),
            Err(Error::NoKey)
        );
        // The failed answer wiped the run that was there.
        assert!(!terminal.is_started());
        assert_eq!(
            terminal.answer(&psk(1), &view, &run.m1, &history, &mut Broken),
            Err(Error::Entropy)
        );
        let mut host = Initiator::empty();
        assert_eq!(host.start(&view, &mut Broken), Err(Error::Entropy));
        assert!(!host.is_started());
        host.start(&view, &mut Rng(2)).unwrap();
        host.abort();
        assert!(!host.is_started());
    }

    /// A run with signatures, both states after M2.
    struct Signed {
        host: Initiator,
        terminal: Responder,
        host_key: SigningKey,
        terminal_key: SigningKey,
        m2: [u8; SIGNED_M2_LEN],
    }

    impl Signed {
        fn new(seed: u64) -> Self {
            let view = parties("host", "terminal", KbpkLen::Aes128);
            let key = |fill| SigningKey::from_bytes(&[fill; 32]).unwrap();
            let (host_key, terminal_key) = (key(1), key(2));
            let mut rng = Rng(seed);
            let (mut host, mut terminal) = (Initiator::empty(), Responder::empty());
            let m1 = host.start(&view, &mut rng).unwrap();
            let peer = host_key.public().unwrap();
            let m2 = terminal
                .answer_signed(&terminal_key, &peer, &view, &m1, &PeerHistory::new(), &mut rng)
                .unwrap();
            Self {
                host,
                terminal,
                host_key,
                terminal_key,
                m2,
            }
        }

        fn confirm(&mut self, peer: &PublicKey) -> Result<(SignedConfirmation, Key<Kbpk, Aes>), Error> {
            let mut out = full();
            let result =
                self.host
                    .take()
                    .finish_signed(&self.host_key, peer, &self.m2, &mut PeerHistory::new(), &mut out);
            assert_eq!(out.is_empty(), result.is_err());
            Ok((result?, out))
        }
    }

    /// Both get the same key, and the signatures are those of the documented transcript.
    #[test]
    fn signatures_authenticate() {
        let mut run = Signed::new(40);
        let (terminal_public, host_public) = (run.terminal_key.public().unwrap(), run.host_key.public().unwrap());
        let (done, at_host) = run.confirm(&terminal_public).unwrap();
        let mut at_terminal = full();
        let kcv = run
            .terminal
            .take()
            .finish_signed(&done.m3, &mut PeerHistory::new(), &mut at_terminal)
            .unwrap();
        assert_eq!(at_host.expose_bytes(), at_terminal.expose_bytes());
        assert_eq!(kcv, done.kcv);
        let mut rng = Rng(40);
        let mut draw = || {
            let (mut scalar, mut nonce) = ([0; 32], [0; 16]);
            rng.fill(&mut scalar).unwrap();
            rng.fill(&mut nonce).unwrap();
            (PrivateKey::from_bytes(&scalar).unwrap().public().to_sec1(), nonce)
        };
        let ((a, nonce_host), (b, nonce_terminal)) = (draw(), draw());
        for (purpose, public, signature) in [
            (b'T', &terminal_public, &run.m2[86..]),
            (b'H', &host_public, &done.m3[..]),
        ] {
            let mut t = b"payhsm KBPK agreement 2".to_vec();
            t.extend([purpose, b'S']);
            t.extend(b"\x04host\x08terminalK1A\x00\x80");
            t.extend(a);
            t.extend(b);
            t.extend(nonce_host);
            t.extend(nonce_terminal);
            t.extend(kcv);
            verify(public, &t, &Signature::from_raw(signature).unwrap()).unwrap();
        }
        // The key of a run with a PSK is another one, though all else is equal.
        assert_ne!(run.m2[81..86], standard(40).m2[81..86]);
    }

    #[test]
    fn signatures_of_others_and_changed_ones_are_refused() {
        let mut run = Signed::new(41);
        let own = run.host_key.public().unwrap();
        assert_eq!(run.confirm(&own).map(drop), Err(Error::VerificationFailed));
        // Every part of M2 but the head of the point, which is refused as one.
        for at in (65..SIGNED_M2_LEN).step_by(3) {
            let mut run = Signed::new(42);
            run.m2[at] ^= 1;
            let terminal = run.terminal_key.public().unwrap();
            assert_eq!(run.confirm(&terminal).map(drop), Err(Error::VerificationFailed));
        }
        for (at, byte) in [(86, 0xFF), (118, 0)] {
            let mut run = Signed::new(42);
            run.m2[at..at + 32].fill(byte);
            let terminal = run.terminal_key.public().unwrap();
            assert_eq!(run.confirm(&terminal).map(drop), Err(Error::VerificationFailed));
        }
        // M3: changed, of the terminal itself, of another run.
        for change in 0..3 {
            let mut run = Signed::new(43);
            let terminal = run.terminal_key.public().unwrap();
            let mut m3 = run.confirm(&terminal).unwrap().0.m3;
            match change {
                0 => m3[63] ^= 1,
                1 => m3.copy_from_slice(&run.m2[86..]),
                _ => m3 = Signed::new(44).confirm(&terminal).unwrap().0.m3,
            }
            let mut out = full();
            let result = run
                .terminal
                .take()
                .finish_signed(&m3, &mut PeerHistory::new(), &mut out);
            assert_eq!(result, Err(Error::VerificationFailed));
            assert!(out.is_empty());
        }
    }

    /// The two ways of proof do not mix.
    #[test]
    fn the_ways_of_proof_do_not_mix() {
        let mut out = full();
        let mut signed = Signed::new(45);
        let result = signed
            .terminal
            .take()
            .finish(&[0; M3_LEN], &mut PeerHistory::new(), &mut out);
        assert_eq!(result, Err(Error::BadState));
        let mut tagged = standard(45);
        let result = tagged
            .terminal
            .take()
            .finish_signed(&[1; SIGNED_M3_LEN], &mut PeerHistory::new(), &mut out);
        assert_eq!(result, Err(Error::BadState));
        let result = Responder::empty().finish_signed(&[1; SIGNED_M3_LEN], &mut PeerHistory::new(), &mut out);
        assert_eq!(result, Err(Error::BadState));
        // Keys that are not there.
        let signed = Signed::new(46);
        let peer = signed.terminal_key.public().unwrap();
        let result = signed.host.finish_signed(
            &SigningKey::empty(),
            &peer,
            &signed.m2,
            &mut PeerHistory::new(),
            &mut out,
        );
        assert_eq!(result, Err(Error::EcScalar));
        assert!(out.is_empty());
    }

    /// Both sides of the agreement that authenticates nobody, against the definition; and what it refuses.
    #[test]
    fn unauthenticated_agreement() {
        for (kdf, len) in Kdf::ALL.iter().zip([
            KbpkLen::Aes128,
            KbpkLen::Aes192,
            KbpkLen::Aes256,
            KbpkLen::Aes128,
            KbpkLen::Aes192,
            KbpkLen::Aes256,
        ]) {
            let (mut one, mut two) = (Agreement::empty(), Agreement::empty());
            let a = one.start(&mut Rng(60)).unwrap();
            let b = two.start(&mut Rng(61)).unwrap();
            let (mut here, mut there) = (full(), full());
            let (mut seen_one, mut seen_two) = (PeerHistory::new(), PeerHistory::new());
            let info = b"service 7, terminal 9, run 1";
            let kcv = one
                .take()
                .finish(&b, *kdf, info, len, &mut seen_one, &mut here)
                .unwrap();
            let other = two
                .take()
                .finish(&a, *kdf, info, len, &mut seen_two, &mut there)
                .unwrap();
            assert_eq!((kcv, here.expose_bytes()), (other, there.expose_bytes()));
            assert_eq!(here.len(), len.bytes());
            let mut scalar = [0; 32];
            Rng(60).fill(&mut scalar).unwrap();
            let mut z = Secret::zeroed();
            PrivateKey::from_bytes(&scalar).unwrap().agree(&b, &mut z).unwrap();
            let mut expected = vec![0; len.bytes()];
            match kdf {
                Kdf::X963Sha256 => kdf::x963_sha256(z.expose(), &[info], &mut expected),
                Kdf::X963Sha384 => kdf::x963_sha384(z.expose(), &[info], &mut expected),
                Kdf::X963Sha512 => kdf::x963_sha512(z.expose(), &[info], &mut expected),
                Kdf::OneStepSha256 => kdf::one_step_sha256(z.expose(), &[info], &mut expected),
                Kdf::OneStepSha384 => kdf::one_step_sha384(z.expose(), &[info], &mut expected),
                Kdf::OneStepSha512 => kdf::one_step_sha512(z.expose(), &[info], &mut expected),
                other => panic!("{other:?}"),
            }
            .unwrap();
            assert_eq!(here.expose_bytes(), expected);
            // Spent, repeated, reflected.
            let refused = |run: Agreement, peer: &PublicKey, info: &[u8], seen: &mut PeerHistory| {
                let mut out = full();
                let result = run.finish(peer, *kdf, info, len, seen, &mut out);
                assert!(out.is_empty());
                result.unwrap_err()
            };
            assert_eq!(refused(one, &b, info, &mut seen_one), Error::BadState);
            let started = |seed| {
                let mut run = Agreement::empty();
                run.start(&mut Rng(seed)).unwrap();
                run
            };
            assert_eq!(refused(started(62), &b, info, &mut seen_one), Error::EcPoint);
            let own = started(63).start(&mut Rng(64)).unwrap();
            assert_eq!(refused(started(64), &own, info, &mut seen_one), Error::EcPoint);
            for info in [&[][..], &[1; 1025]] {
                assert_eq!(refused(started(65), &a, info, &mut seen_one), Error::InvalidLength);
            }
        }
        let mut run = Agreement::empty();
        assert_eq!(run.start(&mut Broken).unwrap_err(), Error::Entropy);
        assert!(!run.is_started());
        assert_eq!(format!("{run:?}"), "Agreement { started: false, .. }");
    }

    #[test]
    fn debug_shows_no_secret() {
        let run = standard(4);
        assert_eq!(format!("{:?}", run.host), "Initiator { started: true, .. }");
        assert_eq!(format!("{:?}", run.terminal), "Responder { started: true, .. }");
    }
}
