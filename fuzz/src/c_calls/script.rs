// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sequences to begin with in which the calls go through: written with the machine at hand, so that a call takes what an
//! earlier one gave. And each function with whatever stands there.

use payhsm::emv::card::generate_ac;
use payhsm::emv::derive::{Psn, icc_master_key};
use payhsm::emv::element::{Atc, CryptogramKind};
use payhsm::emv::profile::{AcInput, VISA_CVN10};
use payhsm::emv::response::Authentication;
use payhsm::key::role::{Ac, Imk};
use payhsm::key::{Key, Tdea};
use payhsm::mac::Mac;
use payhsm::mac::cmac::CmacAes;
use payhsm::pin::Pin;
use payhsm::pin::block;
use payhsm::pin::pan::Pan;

use super::*;
use crate::seed::oda_chain;

const PAN: &[u8] = b"4012345678909";
const X9_143: Arg<'_> = N(capi::PAYHSM_PROFILE_X9_143_STRICT);
const CMAC: Arg<'_> = N(capi::PAYHSM_MAC_CMAC);

/// What a parameter that comes in is given, in their order; outputs have room enough, unless it is named.
#[derive(Clone, Copy)]
enum Arg<'a> {
    /// Bytes, a structure, a PIN.
    B(&'a [u8]),
    /// A number or a handle.
    N(u32),
    /// A length.
    L(u8),
    /// Nothing.
    Null,
}

use Arg::{B, L, N, Null};

struct Script {
    machine: Machine,
    bytes: Vec<u8>,
    done: Vec<Vec<u8>>,
    /// Calls that should have gone through.
    refused: Vec<(String, i32)>,
}

impl Script {
    fn new() -> Self {
        let mut script = Self {
            machine: Machine::new(),
            bytes: Vec::new(),
            done: Vec::new(),
            refused: Vec::new(),
        };
        script.machine.rewind();
        script
    }

    /// The sequence ends; the next one begins.
    fn end(&mut self) {
        self.done.push(std::mem::take(&mut self.bytes));
        self.machine.rewind();
    }

    /// One of the machine's own turns.
    fn turn(&mut self, turn: &[u8]) {
        self.bytes.extend(turn);
        if turn == [254] {
            self.machine.power_cut();
        }
    }

    fn key(&self, usage: &[u8; 2], algorithm: u8, mode: u8) -> u32 {
        self.machine.key(usage, algorithm, mode)
    }

    /// The bytes of a key of `KEYS`.
    fn secret(&self, key: u32) -> [u8; 16] {
        let place = self.machine.keys.iter().position(|other| *other == key).unwrap();
        self.machine.secrets[3 * place + 2]
    }

    /// A call that goes through; its outputs in the order of the parameters, without a length that goes with a buffer.
    fn call(&mut self, name: &str, arguments: &[Arg<'_>]) -> Vec<Vec<u8>> {
        let (status, outputs) = self.attempt(name, arguments);
        if status != 0 {
            self.refused.push((name.to_owned(), status));
        }
        outputs
    }

    /// A job that goes through.
    fn job(&mut self, name: &str, arguments: &[Arg<'_>]) {
        let outputs = self.call(name, arguments);
        let status = i32::from_ne_bytes(outputs.last().unwrap()[..].try_into().unwrap());
        if status != 0 {
            self.refused.push((name.to_owned(), status));
        }
    }

    fn attempt(&mut self, name: &str, arguments: &[Arg<'_>]) -> (i32, Vec<Vec<u8>>) {
        let name = format!("payhsm_{name}");
        let index = FUNCTIONS.iter().position(|function| function.name == name);
        let index = index.unwrap_or_else(|| panic!("no {name}"));
        let function = &FUNCTIONS[index];
        let mut bytes = Vec::new();
        let mut arguments = arguments.iter();
        for parameter in function.parameters {
            self.encode(function.name, *parameter, &mut arguments, &mut bytes);
        }
        assert!(arguments.next().is_none(), "{name}: too many");
        let mut input = Input::new(&bytes);
        let (status, call) = self.machine.call(function, &mut input);
        assert!(input.rest().is_empty(), "{name}");
        self.bytes.push(u8::try_from(index).unwrap());
        self.bytes.extend(&bytes);
        let mut outputs: Vec<Vec<u8>> = Vec::new();
        let regions: Vec<_> = call.regions.iter().filter(|region| region.output).collect();
        let mut buffer = None;
        let outs = function.parameters.iter().filter(|parameter| {
            matches!(
                parameter,
                Param::Buffer(_) | Param::FixedOut(_) | Param::Out(..) | Param::StructOut(..)
            )
        });
        for (parameter, region) in outs.zip(regions) {
            let found = self.machine.get(region.at, region.len);
            match (parameter, buffer) {
                (Param::Out(_, 8), Some(place)) => {
                    let len = usize::from_ne_bytes(found.try_into().unwrap());
                    let buffer: &mut Vec<u8> = &mut outputs[place];
                    buffer.truncate(len);
                }
                _ => outputs.push(found),
            }
            buffer = matches!(parameter, Param::Buffer(_)).then(|| outputs.len() - 1);
        }
        (status, outputs)
    }

    /// The bytes that make `argument` and its kin choose what the script says.
    fn encode<'a>(
        &self,
        function: &str,
        parameter: Param,
        arguments: &mut impl Iterator<Item = &'a Arg<'a>>,
        out: &mut Vec<u8>,
    ) {
        let long = |bytes: &[u8]| [&u16::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat();
        let mut next = || *arguments.next().unwrap_or_else(|| panic!("{function}: {parameter:?}"));
        match parameter {
            Param::Ctx => out.push(3),
            Param::FixedOut(_) | Param::Out(..) => out.push(2),
            // Of the longest text that an answer is.
            Param::Buffer(_) => out.extend([2, if function == "payhsm_arqc_explain" { 34 } else { 33 }]),
            Param::StructOut(kind, _) if kind != "payhsm_pin_t" => out.extend([2, 0]),
            Param::StructIn(..) | Param::StructOut(..) => match next() {
                B(bytes) => out.extend([&[2, 7][..], &long(bytes)].concat()),
                _ => out.push(0),
            },
            Param::Input(_) | Param::Fixed(_) => match next() {
                B(bytes) => out.extend([&[2, 7][..], &long(bytes)].concat()),
                _ => panic!("{function}: {parameter:?}"),
            },
            Param::Size("count") => out.push(1),
            Param::Size(_) => match next() {
                L(len) => out.push(200 + len),
                _ => panic!("{function}: {parameter:?}"),
            },
            Param::Number(name) => {
                let N(number) = next() else {
                    panic!("{function}: {parameter:?}")
                };
                if !is_handle(function, name) {
                    out.push(255);
                    out.extend(number.to_be_bytes());
                    return;
                }
                let place = |handles: &[u32]| {
                    handles
                        .iter()
                        .position(|h| *h == number)
                        .and_then(|p| u8::try_from(p).ok())
                };
                let live: Vec<u32> = self.machine.model.live.keys().copied().collect();
                let fitting = self.machine.fitting(function, name);
                match (number, place(&fitting), place(&live)) {
                    (0, _, _) => out.extend([2, 0]),
                    (_, Some(place), _) => out.extend([2, 5, place]),
                    (_, None, Some(place)) => out.extend([2, 3, place]),
                    _ => out.extend([&[2, 1][..], &number.to_be_bytes()].concat()),
                }
            }
        }
    }
}

/// The number that stands there.
fn number(output: &[u8]) -> u32 {
    u32::from_ne_bytes(output[..4].try_into().unwrap())
}

/// A structure: its size, numbers, bytes.
fn sized(numbers: &[u32], bytes: &[u8]) -> Vec<u8> {
    let head = numbers.iter().flat_map(|n| n.to_ne_bytes());
    [0; 4].into_iter().chain(head).chain(bytes.iter().copied()).collect()
}

fn attributes(usage: &[u8; 2], rest: &[u8; 2], exportability: u8) -> [u8; 8] {
    [usage[0], usage[1], rest[0], rest[1], b'0', b'0', exportability, 0]
}

fn padded<const N: usize>(bytes: &[u8]) -> [u8; N] {
    std::array::from_fn(|i| bytes.get(i).copied().unwrap_or(0))
}

/// A PIN of four digits.
fn pin(digits: [u8; 4]) -> [u8; 13] {
    padded(&[&[4][..], &digits].concat())
}

/// Keys: what they are, out and in again, narrower, stored, replaced, in a backup.
fn keys(s: &mut Script) {
    let (both, out, data) = (
        s.key(b"K1", b'A', b'B'),
        s.key(b"K1", b'A', b'E'),
        s.key(b"D0", b'A', b'B'),
    );
    s.call("state", &[]);
    s.call("policy", &[]);
    s.call("random", &[]);
    s.call("set_date", &[N(20_261_126)]);
    let info = s.call("key_info", &[N(data)]).remove(0);
    s.call("key_check", &[N(data), N(capi::PAYHSM_CHECK_CMAC), B(&info[16..21])]);
    s.call("key_next", &[N(0)]);
    s.call("key_bounds", &[N(data)]);
    let made = s.call("key_generate", &[B(&attributes(b"M6", b"AC", b'E')), L(16)]);
    let made = number(&made[0]);
    let block = s.call("key_export", &[N(both), N(data)]).remove(0);
    s.call("key_erase", &[N(data)]);
    s.call("key_import", &[N(both), X9_143, B(&block)]);
    let narrower = sized(&[3], b"DVN\0");
    s.call("key_export_as", &[N(both), N(made), B(&narrower), B(b"LB08no 1")]);
    let block = s.call("key_export", &[N(both), N(made)]).remove(0);
    s.call(
        "key_translate",
        &[N(both), X9_143, B(&block), N(out), B(&narrower), B(b"LB08no 1")],
    );
    s.call("key_erase", &[N(made)]);
    let expected = attributes(b"M6", b"AC", b'E');
    let made = s.call("key_import_as", &[N(both), X9_143, B(&block), B(&expected)]);
    let made = number(&made[0]);
    let session = s.call("session_open", &[N(7)]).remove(0);
    // Three uses, a warning at two, until the end of the year, of the session's owner, mode of use G.
    let bounds = sized(&[3, 2, 0, 20_261_231], &[7, 0, b'G', b'N', 0, 0, 0, 0]);
    s.call("key_narrow", &[N(made), B(&bounds)]);
    s.call("key_store", &[N(made)]);
    s.call("mac_generate", &[N(made), CMAC, B(b"one"), L(8)]);
    s.call("session_close", &[N(number(&session))]);
    let (old, new) = (
        s.call("key_generate", &[B(&attributes(b"M6", b"AC", b'E')), L(16)]),
        s.call("key_generate", &[B(&attributes(b"M6", b"AC", b'E')), L(16)]),
    );
    let (old, new) = (number(&old[0]), number(&new[0]));
    s.call("key_store", &[N(old)]);
    s.call("key_replace", &[N(old), N(new)]);
    s.turn(&[254]);
    s.call("key_next", &[N(0)]);
    s.end();
    // The keys that may leave go into one backup: few of them.
    let keys = s.machine.keys.clone();
    for key in keys.into_iter().filter(|key| *key != both) {
        s.call("key_erase", &[N(key)]);
    }
    let made = s.call("key_generate", &[B(&attributes(b"D0", b"AB", b'E')), L(16)]);
    s.call("backup_len", &[]);
    let backup = s.call("backup_write", &[N(both)]).remove(0);
    s.call("key_erase", &[N(number(&made[0]))]);
    s.call("backup_restore", &[N(both), B(&backup)]);
    s.call("wipe", &[]);
    s.end();
}

/// Ceremonies, keys under a master key.
fn loads(s: &mut Script) {
    let data = attributes(b"D0", b"AE", b'N');
    s.call("component_begin", &[B(&data), L(16), N(2), B(b"")]);
    s.call(
        "component_add",
        &[N(1), B(&(0..16).map(|i| i * 11 + 1).collect::<Vec<u8>>()), B(b"")],
    );
    s.call("component_add", &[N(2), B(&[0x5D; 16]), B(b"")]);
    s.call("component_finish", &[]);
    s.call("component_begin", &[B(&data), L(16), N(3), B(b"")]);
    s.call("component_abort", &[]);
    let master = s.key(b"K0", b'T', b'D');
    let cipher = payhsm::cipher::tdes::Tdes::new(&s.secret(master)).unwrap();
    let part = |first: u8| {
        let key: Vec<u8> = (0..16_u8).map(|i| first ^ i.wrapping_mul(0x1D)).collect();
        let (mut wrapped, mut check) = (key.clone(), [0; 8]);
        payhsm::cipher::modes::ecb_encrypt(&cipher, &mut wrapped).unwrap();
        let own = payhsm::cipher::tdes::Tdes::new(&key).unwrap();
        payhsm::cipher::modes::ecb_encrypt(&own, &mut check).unwrap();
        [wrapped, check[..4].to_vec()].concat()
    };
    let (first, second, third) = (part(0x21), part(0x42), part(0x83));
    let pin = attributes(b"P0", b"TE", b'N');
    s.call(
        "working_key_import",
        &[N(master), B(&pin), B(&first[..16]), B(&first[16..])],
    );
    let field = [second, third].concat();
    s.call(
        "unionpay_sign_on",
        &[N(master), N(capi::PAYHSM_SIGN_ON_DOUBLE), B(&field)],
    );
    s.end();
}

/// The agreements, of the module with itself: it may play both parties at once.
fn agreements(s: &mut Script) {
    let secret = s.key(b"B3", b'A', b'X');
    let (host, terminal) = (B(b"host"), B(b"terminal"));
    let parties = [N(secret), host, terminal, L(16)];
    let m1 = s.call("agreement_begin", &parties).remove(0);
    let m2 = s
        .call("agreement_answer", &[&parties[..], &[B(&m1)]].concat())
        .remove(0);
    let confirmed = s.call("agreement_confirm", &[B(&m2)]);
    s.call("key_erase", &[N(number(&confirmed[0]))]);
    s.call("agreement_finish", &[B(&confirmed[2])]);
    let pair = attributes(b"S0", b"ES", b'N');
    let signing: Vec<u32> = (0..2)
        .map(|_| number(&s.call("key_generate", &[B(&pair), L(32)])[0]))
        .collect();
    let public: Vec<Vec<u8>> = signing
        .iter()
        .map(|key| s.call("key_public", &[N(*key)]).remove(0))
        .collect();
    let m1 = s
        .call("agreement_begin_signed", &[N(signing[0]), host, terminal, L(16)])
        .remove(0);
    let answer = [N(signing[1]), B(&public[0]), host, terminal, L(16), B(&m1)];
    let m2 = s.call("agreement_answer_signed", &answer).remove(0);
    let confirmed = s.call("agreement_confirm_signed", &[B(&public[1]), B(&m2)]);
    s.call("key_erase", &[N(number(&confirmed[0]))]);
    s.call("agreement_finish_signed", &[B(&confirmed[2])]);
    s.call("agreement_unauthenticated_begin", &[]);
    let kdf = N(capi::PAYHSM_KDF_ONE_STEP_SHA512);
    s.call(
        "agreement_unauthenticated_finish",
        &[B(&public[0]), kdf, B(b"run 1"), L(16), N(u32::from(b'D'))],
    );
    s.call("agreement_abort", &[]);
    s.end();
}

/// DUKPT at both ends, with what goes on under a transaction.
fn dukpt(s: &mut Script) {
    let (both, base) = (s.key(b"K1", b'A', b'B'), s.key(b"B0", b'A', b'X'));
    let id = [0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x57];
    let block = s
        .call("dukpt_export_initial_key", &[N(base), B(&id), N(both)])
        .remove(0);
    let loaded = s.call("dukpt_load", &[N(both), X9_143, B(&block)]);
    s.call("dukpt_erase", &[N(number(&loaded[0]))]);
    let group = number(&s.call("dukpt_find", &[N(0)])[0]);
    let begun = s.call("dukpt_begin", &[N(group)]);
    let (sale, ksn) = (number(&begun[0]), begun[1].clone());
    s.call("transaction_ksn", &[N(sale)]);
    s.call(
        "transaction_select",
        &[N(sale), N(capi::PAYHSM_WORKING_DATA), N(capi::PAYHSM_KEY_TYPE_AES128)],
    );
    let block = s.call("pin_encipher", &[N(sale), N(4), B(PAN), B(&pin([9, 7, 5, 3]))]);
    let message = number(&s.call("dukpt_derive", &[N(base), B(&ksn)])[0]);
    let zone = s.key(b"P0", b'A', b'E');
    let block = block.into_iter().find(|output| output.len() == 16).unwrap();
    s.call("pin_translate", &[N(message), N(4), B(PAN), B(&block), N(zone), N(4)]);
    let mac = s.call("mac_generate", &[N(sale), CMAC, B(b"message"), L(16)]).remove(0);
    s.call("mac_verify", &[N(message), CMAC, B(b"message"), B(&mac)]);
    s.call("transaction_end", &[N(message)]);
    let job = [&sized(&[base, capi::PAYHSM_MAC_CMAC, 0, 7, 12, 16], &ksn)[..], &mac].concat();
    s.job("batch_mac_verify", &[B(&job), B(b"message")]);
    let fields = [&padded::<12>(&ksn)[..], &padded::<20>(PAN), &block].concat();
    let job = sized(&[base, 4, zone, 4, 12, 13, 16], &fields);
    s.job("batch_pin_translate", &[B(&job)]);
    let visa = s.key(b"V2", b'T', b'C');
    let job = sized(&[base, 4, visa, 1, 12, 13, 16], &[&fields[..], b"0000"].concat());
    s.call("batch_pin_verify_pvv", &[B(&job)]);
    s.call("transaction_end", &[N(sale)]);
    let current = [0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x56];
    let next = [0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x58];
    let block = s
        .call("dukpt_export_update", &[N(base), B(&current), N(base), B(&next)])
        .remove(0);
    s.call("dukpt_update", &[N(group), X9_143, B(&block)]);
    s.call("dukpt_begin", &[N(group)]);
    s.turn(&[254]);
    s.call("dukpt_find", &[N(0)]);
    s.end();
}

/// A PIN's life: drawn, verified, changed.
fn pins(s: &mut Script) {
    let (enter, zone) = (s.key(b"P0", b'A', b'E'), s.key(b"P0", b'A', b'D'));
    let (visa, ibm) = (s.key(b"V2", b'T', b'C'), s.key(b"V1", b'T', b'C'));
    let base = s.key(b"B0", b'A', b'X');
    let table = sized(&[], &[&b"0123456789012345"[..], &[0, 12, 15, 13, 4, 0, 0, 0]].concat());
    let profile = N(number(&s.call("pin_profile_register", &[B(&table)])[0]));
    s.call("pin_generate_pvv", &[N(enter), N(visa), N(4), N(4), N(1), B(PAN)]);
    s.call("pin_generate_3624", &[N(enter), N(ibm), N(4), profile, B(PAN)]);
    s.call(
        "pin_derive_3624",
        &[N(enter), N(ibm), N(4), profile, B(PAN), B(b"0000")],
    );
    s.call("offline_pin_plaintext", &[B(&pin([9, 7, 5, 3]))]);
    // Of the terminal's transactions: of each a PIN block, and a message at the host.
    let group = number(&s.call("dukpt_find", &[N(0)])[0]);
    let sale = |s: &mut Script, digits| {
        let begun = s.call("dukpt_begin", &[N(group)]);
        let transaction = number(&begun[0]);
        let outputs = s.call("pin_encipher", &[N(transaction), N(4), B(PAN), B(&pin(digits))]);
        s.call("transaction_end", &[N(transaction)]);
        let message = number(&s.call("dukpt_derive", &[N(base), B(&begun[1])])[0]);
        (message, outputs.into_iter().find(|output| output.len() == 16).unwrap())
    };
    // A new PIN, under a key of another zone.
    let mut new = [0; 16];
    let (key, chosen) = (
        Key::from_bytes(&s.secret(zone)).unwrap(),
        Pin::from_entry(4, &padded(&[2, 5, 8, 0])).unwrap(),
    );
    block::encipher_aes_with_fill(&key, &chosen, &Pan::parse(PAN).unwrap(), &[7; 8], &mut new).unwrap();
    let (m, old) = sale(s, [9, 7, 5, 3]);
    let pvv = s
        .call("pvv_generate", &[N(m), N(4), B(PAN), B(&old), N(visa), N(1)])
        .remove(0);
    let pvv = pvv[..4].to_vec();
    s.call("transaction_end", &[N(m)]);
    let (m, old) = sale(s, [9, 7, 5, 3]);
    s.call("pin_verify_pvv", &[N(m), N(4), B(PAN), B(&old), N(visa), N(1), B(&pvv)]);
    s.call("transaction_end", &[N(m)]);
    let (m, old) = sale(s, [9, 7, 5, 3]);
    let change = [
        N(m),
        N(zone),
        N(visa),
        N(4),
        N(4),
        N(1),
        B(PAN),
        B(&old),
        B(&new),
        B(&pvv),
    ];
    s.call("pin_change_pvv", &change);
    s.call("transaction_end", &[N(m)]);
    let (m, old) = sale(s, [9, 7, 5, 3]);
    let offset = s
        .call("pin_offset_generate", &[N(m), N(4), B(PAN), B(&old), N(ibm), profile])
        .remove(0);
    s.call("transaction_end", &[N(m)]);
    let (m, old) = sale(s, [9, 7, 5, 3]);
    s.call(
        "pin_verify_3624",
        &[N(m), N(4), B(PAN), B(&old), N(ibm), profile, B(&offset)],
    );
    s.call("transaction_end", &[N(m)]);
    let (m, old) = sale(s, [9, 7, 5, 3]);
    s.call(
        "pin_change_3624",
        &[
            N(m),
            N(zone),
            N(ibm),
            N(4),
            N(4),
            profile,
            B(PAN),
            B(&old),
            B(&new),
            B(&offset),
        ],
    );
    s.call("transaction_end", &[N(m)]);
    let (m, old) = sale(s, [9, 7, 5, 3]);
    s.call(
        "pin_translate_pans",
        &[N(m), N(4), B(PAN), B(&old), N(enter), N(4), B(PAN)],
    );
    s.end();
}

/// MACs and data.
fn macs_and_data(s: &mut Script) {
    let (cmac, retail) = (s.key(b"M6", b'A', b'C'), s.key(b"M3", b'T', b'G'));
    let mac = s.call("mac_generate", &[N(cmac), CMAC, B(b"message"), L(16)]).remove(0);
    let x9_19 = N(capi::PAYHSM_MAC_X9_19);
    s.call(
        "mac_translate",
        &[N(cmac), CMAC, B(b"message"), B(&mac), N(retail), x9_19, L(8)],
    );
    let (generate, verify) = (N(capi::PAYHSM_MAC_GENERATE), N(capi::PAYHSM_MAC_VERIFY));
    s.call(
        "mac_begin_sized",
        &[N(retail), N(capi::PAYHSM_MAC_ALG3_PAD3), generate, N(7)],
    );
    s.call("mac_update", &[B(b"message")]);
    s.call("mac_finish", &[L(8)]);
    s.call("mac_begin", &[N(cmac), CMAC, verify]);
    s.call("mac_update", &[B(b"mess")]);
    s.call("mac_update", &[B(b"age")]);
    s.call("mac_finish_verify", &[B(&mac)]);
    s.call("mac_begin", &[N(cmac), CMAC, generate]);
    s.call("mac_abort", &[]);
    let data: Vec<u32> = (0..KEYS.len())
        .filter(|n| KEYS[*n].0 == b"D0")
        .map(|n| s.machine.keys[n])
        .collect();
    let [cbc, track, ecb, ctr] = data[..] else {
        panic!("{data:?}")
    };
    let (iv, plain) = (B(&[0; 16]), B(&[0x5A; 32]));
    let cipher = s.call("data_encipher", &[N(cbc), iv, plain]).remove(0);
    s.call("data_decipher", &[N(cbc), iv, B(&cipher)]);
    let cipher = s.call("data_ecb_encipher", &[N(ecb), plain]).remove(0);
    s.call("data_ecb_decipher", &[N(ecb), B(&cipher)]);
    s.call("data_ctr", &[N(ctr), iv, B(&[0x5A; 21])]);
    let made = s.call("key_generate", &[B(&attributes(b"D0", b"AE", b'N')), L(16)]);
    s.call("data_reencipher", &[N(cbc), iv, plain, N(number(&made[0])), iv]);
    let packed = s
        .call("track2_encipher", &[N(track), B(b"4012345678909=2512101123456")])
        .remove(0);
    s.call("track2_decipher", &[N(track), B(&packed), L(27)]);
    s.end();
}

/// What a card says, and what it is told.
fn cards(s: &mut Script) {
    let (ac, smi, smc) = (
        s.key(b"E0", b'T', b'X'),
        s.key(b"E2", b'T', b'X'),
        s.key(b"E1", b'T', b'X'),
    );
    let (cvk, dn) = (s.key(b"C0", b'T', b'C'), s.key(b"E4", b'T', b'X'));
    let chip = N(capi::PAYHSM_CVV_CHIP);
    let value = s
        .call("cvv_generate", &[N(cvk), chip, N(0), B(PAN), B(b"2512"), L(3)])
        .remove(0);
    s.call("cvv_verify", &[N(cvk), chip, N(0), B(PAN), B(b"2512"), B(&value)]);
    let fields = [&padded::<20>(PAN)[..], b"2512", &padded::<8>(&value)].concat();
    let job = sized(&[cvk, capi::PAYHSM_CVV_CHIP, 0, 13, 3], &fields);
    s.job("batch_cvv_verify", &[B(&job)]);

    // A card of Visa's CVN 10.
    let profile = &VISA_CVN10;
    let imk = Key::<Imk<Ac>, Tdea>::from_bytes(&s.secret(ac)).unwrap();
    let (pan, psn) = (Pan::parse(PAN).unwrap(), Psn::new(0).unwrap());
    let mut mk = Key::empty();
    icc_master_key(profile.master_key(), &imk, &pan, psn, &mut mk).unwrap();
    let terminal = [
        0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 8, 0x40, 0, 0, 0, 0, 0, 8, 0x40, 0x24, 1, 1, 0, 1, 2, 3, 4,
    ];
    let iad = [6, 1, 10, 3, 0xA0, 0, 0];
    let input = AcInput::new(&terminal, [0x18, 0], Atc::new(1)).unwrap();
    let response = generate_ac(profile, &mk, CryptogramKind::Arqc, &input, &iad).unwrap();
    let Authentication::Cryptogram(cryptogram) = response.authentication else {
        panic!("a cryptogram")
    };
    let t = &terminal;
    let message = [
        &[0x9F, 0x02, 6][..],
        &t[..6],
        &[0x9F, 0x03, 6],
        &t[6..12],
        &[0x9F, 0x1A, 2],
        &t[12..14],
        &[0x95, 5],
        &t[14..19],
        &[0x5F, 0x2A, 2],
        &t[19..21],
        &[0x9A, 3],
        &t[21..24],
        &[0x9C, 1],
        &t[24..25],
        &[0x9F, 0x37, 4],
        &t[25..29],
        &[0x82, 2, 0x18, 0, 0x9F, 0x36, 2, 0, 1, 0x9F, 0x10, 7],
        &iad,
        &[0x9F, 0x26, 8],
        &cryptogram,
        &[0x9F, 0x27, 1, response.cid.to_byte()],
    ]
    .concat();
    let visa = N(capi::PAYHSM_SCHEME_VISA);
    s.call(
        "arqc_verify",
        &[N(ac), visa, N(10), B(PAN), N(0), B(&message), B(b"00")],
    );
    s.call("arqc_explain", &[N(ac), visa, N(10), B(PAN), N(0), B(&message)]);
    let data = [t, &[0x18, 0, 0, 1][..], &iad[3..]].concat();
    let raw = sized(&[1, 1, 1, 1, 1, 0, 1, 2], &[&t[25..29], &cryptogram].concat());
    s.call("arqc_verify_raw", &[N(ac), B(&raw), B(PAN), B(&data), B(b"00")]);
    let fields = [&padded::<20>(PAN)[..], &padded::<12>(b"00"), &padded::<512>(&message)].concat();
    let job = sized(&[ac, 1, 10, 0, 13, u32::try_from(message.len()).unwrap(), 2], &fields);
    s.job("batch_arqc_verify", &[B(&job)]);
    let target = sized(&[capi::PAYHSM_SCHEME_VISA, 10, 0, 1, 0], &cryptogram);
    let put = N(capi::PAYHSM_SCRIPT_PUT_DATA);
    s.call(
        "script_command",
        &[N(smi), N(smc), B(&target), B(PAN), put, N(0x9F58), B(&[1])],
    );
    // Format 0: a PIN, and the twelve digits of the PAN before its check digit.
    let clear = [
        0x04,
        0x97,
        0x53 ^ 0x40,
        0xFF ^ 0x12,
        0xFF ^ 0x34,
        0xFF ^ 0x56,
        0xFF ^ 0x78,
        0xFF ^ 0x90,
    ];
    let entered = s.key(b"P0", b'T', b'D');
    let block = payhsm::cipher::tdes::Tdes::new(&s.secret(entered))
        .unwrap()
        .encrypt(clear);
    let change = [
        N(smi),
        N(smc),
        N(ac),
        B(&target),
        B(PAN),
        N(entered),
        N(0),
        B(&block),
        N(0),
        N(0),
        B(b""),
    ];
    s.call("script_pin_change", &change);

    let track = [
        0x40, 0x12, 0x34, 0x56, 0x78, 0x90, 0x9D, 0x25, 0x12, 0x10, 0x10, 0, 0, 0, 0, 0, 0, 0, 0x0F,
    ];
    let tap_value = {
        use payhsm::card::CardValue;
        use payhsm::card::cvc3::{self, IvCvc3, Tap};
        use payhsm::emv::derive::MasterKeyOption;
        use payhsm::key::role::Dn;
        let imk = Key::<Imk<Dn>, Tdea>::from_bytes(&s.secret(dn)).unwrap();
        let mut mk = Key::empty();
        icc_master_key(MasterKeyOption::A, &imk, &pan, psn, &mut mk).unwrap();
        let (iv, mut made) = (IvCvc3::over(&mk, &track).unwrap(), CardValue::empty());
        let tap = Tap {
            un: [0, 0, 8, 0x99],
            atc: Atc::new(7),
        };
        cvc3::generate(&mk, &iv, tap, &mut made).unwrap();
        made.digits().iter().map(|digit| b'0' + digit).collect::<Vec<u8>>()
    };
    let option = N(capi::PAYHSM_MASTER_KEY_A);
    let tap = [
        N(dn),
        option,
        B(PAN),
        N(0),
        B(&track),
        B(&[0, 0, 8, 0x99]),
        N(7),
        B(&tap_value),
    ];
    s.call("cvc3_verify", &tap);
    s.call(
        "emv_ac_response",
        &[B(&[
            0x77, 20, 0x9F, 0x27, 1, 0x80, 0x9F, 0x36, 2, 0, 0x1C, 0x9F, 0x26, 8, 1, 2, 3, 4, 5, 6, 7, 8,
        ])],
    );
    s.end();
    for method in [capi::PAYHSM_ODA_SDA, capi::PAYHSM_ODA_DDA, capi::PAYHSM_ODA_CDA] {
        let card = oda_chain(method);
        let modulus_len = u8::try_from(card.modulus.len()).unwrap();
        let ca = [
            &card.rid[..],
            &[card.index],
            &card.checksum,
            &[0; 3],
            &[1, 3, 0, 0, modulus_len],
            &padded::<248>(&card.modulus),
            &[0; 2],
        ]
        .concat();
        let ca = sized(&[], &ca);
        let sale = sized(&[], &[&card.date[..], &card.aip, &card.un, &[0; 11]].concat());
        let known = [B(&ca), B(b""), B(&sale), B(&card.records)];
        let verify = [&[N(method)], &known[..], &[B(&card.sent), B(&card.response)]].concat();
        s.call("oda_verify", &verify);
        if method == capi::PAYHSM_ODA_DDA {
            let pin = pin([9, 7, 5, 3]);
            s.call(
                "offline_pin_encipher",
                &[&known[..], &[B(&[0xC1; 8]), B(&pin)]].concat(),
            );
        }
        s.end();
    }
}

/// Users, permissions, locks, tests, the ways to an end.
fn lives(s: &mut Script) {
    s.call("self_test", &[N(capi::PAYHSM_TEST_TDEA)]);
    s.call("self_test_step", &[]);
    let officers: Vec<u32> = (0..KEYS.len())
        .filter(|n| (KEYS[*n].0, KEYS[*n].2) == (b"M6", b'V'))
        .map(|n| s.machine.keys[n])
        .collect();
    let log_in = |s: &mut Script, user: u32| {
        let key = s.secret(officers[usize::try_from(user).unwrap() - 1]);
        let challenge = s.call("login_begin", &[N(user)]).remove(0);
        let mut mac = CmacAes::new(&key).unwrap();
        mac.update(&challenge[..capi::PAYHSM_CHALLENGE_LEN]);
        let mut response = [0; 16];
        mac.finish(&mut response).unwrap();
        number(&s.call("login_finish", &[B(&response), N(0)])[0])
    };
    for (user, key) in (1..).zip(&officers) {
        let enrolment = sized(&[user, capi::PAYHSM_ROLE_OFFICER, *key, 0, 0, 0, 0, 0], &[]);
        s.call("role_enrol", &[B(&enrolment)]);
        if user == 1 {
            log_in(s, 1);
        }
    }
    s.call("role_status", &[N(2)]);
    let second = log_in(s, 2);
    s.call("policy_narrow", &[N(capi::PAYHSM_POLICY_ECB_DATA)]);
    s.call("policy_widen", &[N(capi::PAYHSM_POLICY_ECB_DATA)]);
    s.call("policy_freeze", &[]);
    s.call("logout", &[N(second)]);
    s.call("lock", &[]);
    log_in(s, 1);
    log_in(s, 2);
    s.call("unlock", &[]);
    s.end();
    // A third officer, who goes again.
    for (user, key) in (1..).zip(&officers) {
        let enrolment = sized(&[user, capi::PAYHSM_ROLE_OFFICER, *key, 0, 0, 0, 0, 0], &[]);
        s.call("role_enrol", &[B(&enrolment)]);
        if user == 1 {
            log_in(s, 1);
        }
    }
    log_in(s, 2);
    let third = s.call("key_generate", &[B(&attributes(b"M6", b"AV", b'N')), L(16)]);
    let enrolment = sized(&[3, capi::PAYHSM_ROLE_AUDITOR, number(&third[0]), 0, 0, 0, 0, 0], &[]);
    s.call("role_enrol", &[B(&enrolment)]);
    s.call("role_revoke", &[N(3)]);
    s.end();
    for name in ["tamper", "tamper_signal"] {
        s.call(name, &[]);
        s.call("state", &[]);
        s.turn(&[254]);
        s.call("reinitialise", &[]);
        s.turn(&[254]);
        s.call("key_generate", &[B(&attributes(b"D0", b"AB", b'N')), L(16)]);
        s.end();
    }
}

/// The log, and what an operator reads.
fn logs(s: &mut Script) {
    let both = s.key(b"K1", b'A', b'B');
    let block = s.call("audit_key_export", &[N(both)]).remove(0);
    let key = number(&s.call("key_import", &[N(both), X9_143, B(&block)])[0]);
    let noted = s.call("audit_note", &[B(b"sale 017"), B(PAN)]).remove(0);
    let from = u64::from_ne_bytes(noted.try_into().unwrap());
    let mut first = s.call("audit_status", &[]).remove(0);
    // Behind the last record but one that the log holds.
    let after = first[8..32].to_vec();
    s.call("audit_note", &[B(b"sale 018"), B(PAN)]);
    let records = s.call("audit_read", &[N(u32::try_from(from + 1).unwrap())]).remove(0);
    first = s.call("audit_status", &[]).remove(0);
    let last = first[8..32].to_vec();
    s.call("audit_verify", &[N(key), B(&records), B(&after), B(&last)]);
    s.call("audit_release", &[B(&after)]);
    s.attempt("audit_verify", &[N(key), B(&records), Null, Null]);
    s.call("status_message", &[B(&[9; 16])]);
    s.call("next_event", &[]);
    s.end();
}

/// What needs no context.
fn public(s: &mut Script) {
    s.call("ct_eq", &[B(&[7; 16]), B(&[7; 16]), L(16)]);
    s.call("pan_check", &[B(PAN)]);
    s.call("pan_mask", &[B(PAN)]);
    let (ksn, id) = (
        [0xFF, 0xFF, 0x98, 0x76, 0x54, 0x32, 0x10, 0xE0, 0, 8],
        [0xFF, 0xFF, 0x98, 0x76, 0x54, 0x32, 0x10, 0xE0, 0, 0],
    );
    s.call("ksn_split", &[B(&ksn), N(6), N(5), N(5)]);
    let window = s.call("replay_new", &[B(&id), N(1)]).remove(0)[..capi::PAYHSM_REPLAY_WINDOW_LEN].to_vec();
    s.call("replay_check", &[B(&window), B(&id), N(8)]);
    s.call("replay_accept", &[B(&window), B(&id), N(8)]);
    let (both, data) = (s.key(b"K1", b'A', b'B'), s.key(b"D0", b'A', b'B'));
    let block = s.call("key_export", &[N(both), N(data)]).remove(0);
    s.call("key_erase", &[N(data)]);
    let len = u32::try_from(block.len()).unwrap();
    let job = sized(&[both, capi::PAYHSM_PROFILE_X9_143_STRICT, 0, len], &[]);
    s.job("batch_key_import", &[B(&job), B(&block)]);
    s.end();
}

fn scripts() -> Script {
    let mut script = Script::new();
    for part in [
        keys,
        loads,
        agreements,
        dukpt,
        pins,
        macs_and_data,
        cards,
        lives,
        logs,
        public,
    ] {
        part(&mut script);
    }
    assert!(script.refused.is_empty(), "{:?}", script.refused);
    script
}

/// Sequences that go through, and each function alone and in pairs with whatever stands there.
pub fn seeds() -> Vec<Vec<u8>> {
    let all = u8::try_from(FUNCTIONS.len()).unwrap_or(u8::MAX);
    let middle = |n: u8, k: u8| {
        let mut call = vec![n];
        call.extend((0..60_u8).map(|i| (i.wrapping_mul(k).wrapping_add(n)) | 2));
        call
    };
    static DONE: std::sync::OnceLock<Vec<Vec<u8>>> = std::sync::OnceLock::new();
    let mut seeds = DONE.get_or_init(|| scripts().done).clone();
    seeds.extend((0..all).map(|n| [middle(n, 13), middle(n.wrapping_mul(7) % all, 5), vec![254]].concat()));
    seeds
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every function goes through in the seeds, but those that this table names.
    #[test]
    fn functions_go_through() {
        // The counts of this module are not persistent.
        const NOT: [&str; 1] = ["payhsm_limits_reset"];
        let script = scripts();
        assert!(script.done.iter().all(|sequence| sequence.len() <= 4096));
        // As the target runs them: from their bytes alone.
        let mut machine = Machine::new();
        script.done.iter().for_each(|sequence| machine.run(sequence));
        let silent: Vec<&str> = FUNCTIONS.iter().map(|function| function.name).collect();
        let silent: Vec<&str> = silent
            .into_iter()
            .filter(|name| !machine.went_through.contains(name))
            .collect();
        assert_eq!(silent, NOT);
        assert_eq!(machine.went_through.len(), FUNCTIONS.len() - NOT.len());
    }
}
