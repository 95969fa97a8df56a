// SPDX-License-Identifier: MIT OR Apache-2.0
//! Key injection: component ceremonies and the authenticated agreement of a KBPK. No published vector covers the
//! agreement's messages, so an independent composition of the parts stands beside it.
#![cfg(all(feature = "hazmat", feature = "ec"))]

mod agreement {
    use hkdf::Hkdf;
    use payhsm::ecdh::{PrivateKey, PublicKey};
    use payhsm::entropy::Entropy;
    use payhsm::error::Error;
    use payhsm::inject::agreement::*;
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
        let mut a = [0; 32];
        let mut b = [0; 32];
        let mut rng = Rng(99);
        rng.fill(&mut a).unwrap();
        rng.fill(&mut b).unwrap();
        let view = parties("H", "TERM", KbpkLen::Aes192);
        let mut run = run(99, &view, &view, &psk(3));
        let host_public = PrivateKey::from_bytes(&a).unwrap().public().to_sec1();
        let terminal = PrivateKey::from_bytes(&b).unwrap();
        let terminal_public = terminal.public().to_sec1();
        assert_eq!(run.m1, host_public);
        assert_eq!(run.m2[..65], terminal_public);
        let mut z = Secret::zeroed();
        terminal
            .agree(&PublicKey::from_sec1(&host_public).unwrap(), &mut z)
            .unwrap();
        let encode = |purpose: u8, kcv: &[u8]| {
            let mut t = b"payhsm KBPK agreement 1".to_vec();
            t.push(purpose);
            t.extend(b"\x01H\x04TERMK1A\x00\xC0");
            t.extend(host_public);
            t.extend(terminal_public);
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
        assert_eq!(run.m2[65..70], *kcv);
        assert_eq!(run.m2[70..], cmac(&[3; 16], &encode(b'T', kcv)));
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
        run.m2[..65].copy_from_slice(&run.m1);
        host_refuses(run.host, &run.m2, &psk(1), Error::EcPoint);
        // The host's tag of one run does not serve as the terminal's of another.
        let run = standard(6);
        let mut out = full();
        let done = run
            .host
            .finish(&psk(1), &run.m2, &mut PeerHistory::new(), &mut out)
            .unwrap();
        let mut again = standard(6);
        again.m2[70..].copy_from_slice(&done.m3);
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
        draws.fill(&mut [0; 32]).unwrap();
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
            assert_ne!(run.m2[65..70], standard(3).m2[65..70]);
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

    #[test]
    fn debug_shows_no_secret() {
        let run = standard(4);
        assert_eq!(format!("{:?}", run.host), "Initiator { started: true, .. }");
        assert_eq!(format!("{:?}", run.terminal), "Responder { started: true, .. }");
    }
}
