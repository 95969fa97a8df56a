// SPDX-License-Identifier: MIT OR Apache-2.0
//! One call: its arguments, and what it may be judged by.

use super::*;

/// Where a parameter lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Region {
    pub(super) at: usize,
    pub(super) len: usize,
    pub(super) output: bool,
    /// Bytes at its head that are the caller's.
    kept: usize,
    pin: bool,
    /// A number or a structure, which has an alignment.
    value: bool,
}

impl Region {
    fn overlaps(&self, other: &Self) -> bool {
        self.len != 0 && other.len != 0 && self.at < other.at + other.len && other.at < self.at + self.len
    }
}

/// Arguments, and what the call may be judged by.
pub(super) struct Call {
    arguments: Vec<usize>,
    pub(super) regions: Vec<Region>,
    /// A handle of the function's and the parameter that it stands for.
    handles: Vec<(&'static str, u32)>,
    /// Handles, lengths and other numbers that come out: name, place, bytes.
    outs: Vec<(&'static str, usize, usize)>,
    buffer: Option<(usize, usize)>,
    /// A context that is one.
    context: bool,
    /// Whether the overlap of all regions is known to the byte.
    exact: bool,
}

impl Machine {
    pub(super) fn call(&mut self, function: &Function, input: &mut Input<'_>) -> (i32, Call) {
        let mut call = Call {
            arguments: Vec::new(),
            regions: Vec::new(),
            handles: Vec::new(),
            outs: Vec::new(),
            buffer: None,
            context: true,
            exact: true,
        };
        let rooms = function.parameters.len() * ROOM;
        self.bytes_mut(false).fill(RUBBISH);
        self.bytes_mut(true)[..rooms].fill(RUBBISH);
        for (i, parameter) in function.parameters.iter().enumerate() {
            self.argument(function, i, *parameter, input, &mut call);
        }
        assert!(call.arguments.len() <= MAX_PARAMETERS);
        let mut arguments = [0; MAX_PARAMETERS];
        arguments[..call.arguments.len()].copy_from_slice(&call.arguments);
        let before = (self.bytes_mut(false).to_vec(), self.bytes_mut(true)[..rooms].to_vec());
        let memory = (!call.context).then(|| self.memory.clone());
        // SAFETY: every pointer is NULL or has the stated bytes in memory of this machine, or a length that no memory has.
        // Parameters too many are in registers and places of the stack that the function does not look at.
        let status = unsafe { call_with(function.address, &arguments) };
        self.judge(function, &call, status, &before, memory);
        (status, call)
    }

    /// The arena, or the rooms.
    fn bytes_mut(&mut self, rooms: bool) -> &mut [u8] {
        let words = if rooms { &mut self.rooms } else { &mut self.arena };
        // SAFETY: the bytes of the words.
        unsafe { std::slice::from_raw_parts_mut(words.as_mut_ptr().cast(), words.len() * 16) }
    }

    /// A place for `len` bytes: mostly in the parameter's own room, sometimes in the arena near others.
    fn place(&mut self, index: usize, len: usize, align: usize, place: u8, input: &mut Input<'_>) -> usize {
        let (rooms, offset) = match place & 7 {
            0 | 1 => {
                let near = usize::from(input.byte()) * if place & 8 == 0 { 1 } else { 8 };
                (false, near.min(ARENA - 16 - len))
            }
            _ => (true, index * ROOM),
        };
        let at = self.bytes_mut(rooms).as_mut_ptr().addr() + offset;
        // A misaligned place is tried, too.
        if place & 0x70 == 0x70 {
            at + 1
        } else {
            at.next_multiple_of(align)
        }
    }

    /// Writes to a place of the arena or of a room.
    fn put(&mut self, at: usize, bytes: &[u8]) {
        for rooms in [false, true] {
            let memory = self.bytes_mut(rooms);
            let start = memory.as_ptr().addr();
            if (start..start + memory.len()).contains(&at) {
                let offset = at - start;
                let len = bytes.len().min(memory.len() - offset);
                memory[offset..offset + len].copy_from_slice(&bytes[..len]);
            }
        }
    }

    pub(super) fn get(&self, at: usize, len: usize) -> Vec<u8> {
        for words in [&self.arena, &self.rooms] {
            // SAFETY: the bytes of the words.
            let memory = unsafe { std::slice::from_raw_parts(words.as_ptr().cast::<u8>(), words.len() * 16) };
            let start = memory.as_ptr().addr();
            if at >= start && at + len <= start + memory.len() {
                return memory[at - start..at - start + len].to_vec();
            }
        }
        Vec::new()
    }

    /// Bytes that may be what the function wants.
    fn content(&self, name: &str, input: &mut Input<'_>) -> Vec<u8> {
        let choice = input.byte();
        match choice & 7 {
            0..=2 => match name {
                "pan" | "out_pan" => b"4012345678909".to_vec(),
                "pvv" => b"1234".to_vec(),
                "expiry" => b"2512".to_vec(),
                "value" | "offset" | "code" => b"123456789012"[..3 + usize::from(choice >> 3) % 4].to_vec(),
                "track" => b"4012345678909=2512101123456".to_vec(),
                "ksn" => vec![0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x56, 0, 0, 0, choice >> 3],
                "id" | "identity" | "new_id" => vec![0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x56],
                "component" => (0..16_u8).map(|i| (i * 7).wrapping_add(choice)).collect(),
                "iv" | "counter" => vec![0; 16],
                _ => self.model.outputs.last().cloned().unwrap_or_default(),
            },
            3 => {
                let outputs = &self.model.outputs;
                outputs
                    .get(usize::from(choice >> 3) % outputs.len().max(1))
                    .cloned()
                    .unwrap_or_default()
            }
            4 => vec![choice; usize::from(input.byte() % 65)],
            5 => vec![0; [8, 16, 32, 0][usize::from(choice >> 3) % 4]],
            6 => input.short().to_vec(),
            _ => input.long().to_vec(),
        }
    }

    /// The handles that may stand for a parameter: most calls shall go through.
    pub(super) fn fitting(&self, function: &str, name: &str) -> Vec<u32> {
        let fits = |object: &Object| match (object, permitted(function, name)) {
            (Object::Key { usage, .. }, Some((usages, _, _))) => {
                usages.iter().any(|prefix| usage.starts_with(prefix.as_bytes()))
            }
            (Object::Transaction, Some((_, _, transactions))) => transactions,
            (Object::Group, _) => name == "group",
            (Object::Transaction, None) => name == "transaction",
            (Object::Key { .. }, None) => name != "group" && name != "transaction",
        };
        let live = self.model.live.iter().filter(|(_, object)| fits(object));
        live.map(|(handle, _)| *handle).collect()
    }

    fn handle(&self, function: &str, name: &str, input: &mut Input<'_>) -> u32 {
        let choice = usize::from(input.byte());
        let live: Vec<u32> = self.model.live.keys().copied().collect();
        let fitting = self.fitting(function, name);
        match choice & 15 {
            0 => 0,
            1 => u32::from_be_bytes(input.array()),
            2 if !self.model.stale.is_empty() => self.model.stale[(choice >> 4) % self.model.stale.len()],
            3 | 4 if !live.is_empty() => live[usize::from(input.byte()) % live.len()],
            _ if !fitting.is_empty() => fitting[usize::from(input.byte()) % fitting.len()],
            _ => 0,
        }
    }

    fn argument(&mut self, function: &Function, i: usize, parameter: Param, input: &mut Input<'_>, call: &mut Call) {
        let place = input.byte();
        match parameter {
            Param::Ctx => {
                let ctx = self.ctx().addr();
                let (ctx, good) = match place {
                    0 => (0, false),
                    1 => (ctx + 1, false),
                    // Memory that is no context.
                    2 => (self.bytes_mut(true).as_ptr().addr(), false),
                    _ => (ctx, true),
                };
                call.arguments.push(ctx);
                call.context = good;
            }
            Param::Input(name) => {
                let bytes = self.content(name, input);
                let bytes = &bytes[..bytes.len().min(ROOM)];
                match place {
                    0 => call.arguments.extend([0, bytes.len()]),
                    1 => {
                        let at = self.place(i, bytes.len(), 1, 2, input);
                        call.arguments.extend([at, usize::MAX / 2 + 1]);
                    }
                    _ => {
                        let at = self.place(i, bytes.len(), 1, place, input);
                        self.put(at, bytes);
                        call.arguments.extend([at, bytes.len()]);
                        call.regions.push(Region {
                            at,
                            len: bytes.len(),
                            output: false,
                            kept: 0,
                            pin: false,
                            value: false,
                        });
                    }
                }
            }
            Param::Fixed(name) => {
                if place == 0 {
                    call.arguments.push(0);
                    return;
                }
                // In its room: how long it is the table does not say.
                let at = self.place(i, ROOM, 1, 2, input);
                let bytes = self.content(name, input);
                self.put(at, &bytes[..bytes.len().min(ROOM)]);
                call.arguments.push(at);
            }
            Param::Buffer(_) => {
                let capacity = match input.byte() {
                    n @ 0..=31 => usize::from(n),
                    n => [64, 128, 260, 512, 2048][usize::from(n) % 5],
                };
                match place {
                    0 => call.arguments.extend([0, capacity]),
                    1 => {
                        let at = self.place(i, capacity, 1, 2, input);
                        call.arguments.extend([at, usize::MAX / 2 + 1]);
                    }
                    _ => {
                        let at = self.place(i, capacity, 1, place, input);
                        call.arguments.extend([at, capacity]);
                        call.regions.push(Region {
                            at,
                            len: capacity,
                            output: true,
                            kept: 0,
                            pin: false,
                            value: false,
                        });
                        call.buffer = Some((at, capacity));
                    }
                }
            }
            Param::FixedOut(name) => {
                if place == 0 {
                    call.arguments.push(0);
                    return;
                }
                let at = self.place(i, ROOM, 1, 2, input);
                call.arguments.push(at);
                let len = fixed_len(function.name, name);
                call.exact &= len != 0;
                // Without a length the whole room counts as the output.
                call.regions.push(Region {
                    at,
                    len: if len == 0 { ROOM } else { len },
                    output: true,
                    kept: 0,
                    pin: false,
                    value: false,
                });
            }
            // Of structures there is one, or none.
            Param::Size("count") => call.arguments.push(usize::from(place != 0)),
            Param::Size(_) => {
                let choice = usize::from(place);
                call.arguments.push(match choice {
                    0..=199 => [16, 8, 4, 3, 24, 32, 0][choice % 7],
                    200..=253 => choice - 200,
                    _ => usize::MAX,
                });
            }
            Param::Number(name) if is_handle(function.name, name) => {
                let handle = self.handle(function.name, name, input);
                call.handles.push((name, handle));
                call.arguments.push(usize::try_from(handle).unwrap());
            }
            Param::Number(name) => {
                let choice = usize::from(place);
                call.arguments.push(match (name, choice) {
                    (_, 240..) => usize::try_from(u32::from_be_bytes(input.array())).unwrap(),
                    ("mode", _) => [b'D', b'E', b'B', 0][choice % 4].into(),
                    ("cvn", _) => [10, 17, 18, 16, 1][choice % 5],
                    ("components", _) => 2 + choice % 3,
                    ("custodian", _) => 1 + choice % 3,
                    _ => choice % 12,
                });
            }
            Param::Out(name, len) => {
                if place == 0 {
                    call.arguments.push(0);
                    return;
                }
                let at = self.place(i, len, len, place, input);
                call.arguments.push(at);
                call.regions.push(Region {
                    at,
                    len,
                    output: true,
                    kept: 0,
                    pin: false,
                    value: true,
                });
                call.outs.push((name, at, len));
            }
            Param::StructIn(kind, len) | Param::StructOut(kind, len) => {
                if place == 0 {
                    call.arguments.push(0);
                    return;
                }
                let output = matches!(parameter, Param::StructOut(..));
                let pin = kind == "payhsm_pin_t";
                let at = self.place(i, len, if pin { 1 } else { 8 }, place, input);
                let bytes = structure(kind, len, input);
                // An output's size alone comes in.
                let sized = !pin && bytes[..4] == u32::try_from(len).unwrap().to_ne_bytes();
                if !output || pin {
                    self.put(at, &bytes);
                } else if sized && has_size(kind) {
                    self.put(at, &bytes[..4]);
                }
                let kept = if output && has_size(kind) { 4 } else { 0 };
                call.exact &= !has_size(kind) || sized;
                call.arguments.push(at);
                call.regions.push(Region {
                    at,
                    len,
                    output,
                    kept,
                    pin,
                    value: !pin,
                });
            }
        }
    }

    fn judge(
        &mut self,
        function: &Function,
        call: &Call,
        status: i32,
        before: &(Vec<u8>, Vec<u8>),
        memory: Option<Vec<u128>>,
    ) {
        let name = function.name;
        let error = Error::ALL.iter().find(|error| error.code() == status);
        assert!(status == 0 || error.is_some(), "{name}: {status}");
        let has_context = matches!(function.parameters.first(), Some(Param::Ctx));

        // Nothing was written outside of an output.
        for rooms in [false, true] {
            let old = if rooms { &before.1 } else { &before.0 };
            let now = self.bytes_mut(rooms);
            let start = now.as_ptr().addr();
            for (offset, (a, b)) in old.iter().zip(now.iter()).enumerate() {
                let at = start + offset;
                let may = call
                    .regions
                    .iter()
                    .any(|r| r.output && (r.at..r.at + r.len).contains(&at));
                assert!(
                    a == b || may,
                    "{name}: wrote at {offset} of the {}",
                    if rooms { "rooms" } else { "arena" }
                );
            }
        }
        for region in call.regions.iter().filter(|region| region.pin) {
            assert!(
                self.get(region.at, region.len).iter().all(|byte| *byte == 0),
                "{name}: the PIN is still there"
            );
        }
        if has_context && !call.context {
            // Its BadState says something else.
            let signal = name == "payhsm_tamper_signal" && error == Some(&Error::InvalidHandle);
            assert!(
                signal || matches!(error, Some(Error::NullPointer | Error::Misaligned | Error::BadState)),
                "{name}: {status} without a context"
            );
            assert!(
                memory.is_none_or(|memory| memory == self.memory),
                "{name}: another context changed"
            );
            return;
        }

        // Overlap: known to the byte, refused whole.
        let overlap = call.regions.iter().enumerate().any(|(i, a)| {
            call.regions[i + 1..]
                .iter()
                .any(|b| (a.output || b.output) && a.overlaps(b))
        });
        let in_place = matches!(name, "payhsm_data_encipher" | "payhsm_data_decipher")
            && call
                .buffer
                .is_some_and(|(at, _)| call.regions.iter().any(|r| !r.output && r.at == at));
        // Refused, if not for this reason: a signalled tamper event or a length may come first.
        if overlap && call.exact && !in_place {
            assert!(error.is_some(), "{name}: {status}");
        }
        if error == Some(&Error::Overlap) {
            assert!(overlap || !call.exact, "{name}: nothing overlaps");
            for region in call.regions.iter().filter(|region| region.output && !region.pin) {
                let pins = call.regions.iter().filter(|other| other.pin);
                let wiped = pins.clone().any(|pin| pin.overlaps(region));
                assert!(
                    wiped || self.get(region.at, region.len) == old_of(self, before, region),
                    "{name}: wrote"
                );
            }
            return;
        }

        if let Some(error) = error {
            for region in call.regions.iter().filter(|region| region.output) {
                // A value at an odd address is none and is left alone.
                let exact = region.len < ROOM && (!region.value || region.at.is_multiple_of(2));
                let now = self.get(region.at, region.len);
                // Why a card is not authenticated is told; structures of another header are left alone.
                let batch = name.starts_with("payhsm_batch_");
                let told =
                    batch || name == "payhsm_oda_verify" || *error == Error::AbiMismatch || *error == Error::Misaligned;
                let zero = now[region.kept..].iter().all(|byte| *byte == 0);
                assert!(!exact || told || zero, "{name}: {error:?}, and an output was not wiped");
            }
            self.ended(name, call, false);
            return;
        }
        self.went_through(name, call);
    }

    /// What a call that went through says about the module.
    fn went_through(&mut self, name: &'static str, call: &Call) {
        self.went_through.insert(name);
        assert!(
            !self.model.tampered || runs_when_tampered(name) || !name_has_context(name),
            "{name}: after a tamper event"
        );
        // A ceremony whose time is over ends with the next command.
        self.model.loading &= self.state() == capi::PAYHSM_STATE_LOADING;
        assert!(
            !self.model.loading || runs_in_a_ceremony(name) || !name_has_context(name),
            "{name}: in a ceremony"
        );
        for (parameter, handle) in &call.handles {
            let optional = matches!(*parameter, "imk_smc" | "imk_ac" | "current_key") && *handle == 0;
            let Some(object) = self.model.live.get(handle) else {
                assert!(optional, "{name}: {parameter} {handle:08X} names nothing");
                continue;
            };
            match (*object, permitted(name, parameter)) {
                (Object::Key { usage, mode, .. }, Some((usages, modes, _))) => {
                    let text = String::from_utf8_lossy(&usage);
                    assert!(
                        usages.iter().any(|prefix| text.starts_with(prefix)),
                        "{name}: {parameter} of usage {text}"
                    );
                    assert!(
                        modes.contains(char::from(mode)),
                        "{name}: {parameter} of mode {}",
                        char::from(mode)
                    );
                }
                (Object::Transaction, Some((_, _, transactions))) => assert!(transactions, "{name}: {parameter}"),
                (Object::Group, _) => assert_eq!(*parameter, "group", "{name}"),
                _ => {}
            }
            if let (Object::Key { exportability, .. }, "payhsm_key_export" | "payhsm_key_export_as", "key") =
                (*object, name, *parameter)
            {
                assert_eq!(exportability, b'E', "{name}: a key left that may not");
            }
        }

        // No output holds a key.
        for region in call.regions.iter().filter(|region| region.output) {
            let now = self.get(region.at, region.len);
            for secret in &self.secrets {
                assert!(
                    !now.windows(8)
                        .any(|window| window == &secret[..8] || window == &secret[8..]),
                    "{name}: a key came out"
                );
            }
        }

        if let Some((at, capacity)) = call.buffer {
            let len = call
                .outs
                .iter()
                .find(|(name, _, len)| name.ends_with("len") && *len == 8);
            let len = len.map_or(capacity, |(_, at, _)| {
                usize::from_ne_bytes(self.get(*at, 8).try_into().unwrap())
            });
            assert!(len <= capacity, "{name}: {len} bytes in {capacity}");
            let bytes = self.get(at, len);
            if name == "payhsm_dukpt_begin" {
                assert!(self.model.ksns.insert(bytes.clone()), "{name}: a KSN came twice");
            }
            self.model.outputs.push(bytes);
            if self.model.outputs.len() > 12 {
                self.model.outputs.remove(2);
            }
        }
        self.ended(name, call, true);
        for (output, at, len) in &call.outs {
            if *len != 4 {
                continue;
            }
            let handle = u32::from_ne_bytes(self.get(*at, 4).try_into().unwrap());
            match *output {
                "transaction" => {
                    self.model.live.insert(handle, Object::Transaction);
                }
                "group" => {
                    self.model.live.insert(handle, Object::Group);
                    if name == "payhsm_dukpt_load" {
                        // The same initial key again, by whoever may load it, begins its counters again.
                        self.model.ksns.clear();
                    }
                }
                "key" => self.learn(handle),
                _ => {}
            }
        }
        if name == "payhsm_dukpt_update" {
            self.model.ksns.clear();
        }
    }

    /// What a call begins and ends.
    fn ended(&mut self, name: &str, call: &Call, went_through: bool) {
        let mut forget = |parameter: &str| {
            for (_, handle) in call.handles.iter().filter(|(name, _)| *name == parameter) {
                self.model.live.remove(handle);
                self.model.stale.push(*handle);
            }
        };
        match (name, went_through) {
            ("payhsm_key_erase", true) => forget("key"),
            ("payhsm_transaction_end", true) => forget("transaction"),
            ("payhsm_dukpt_erase", true) => forget("group"),
            ("payhsm_component_begin", true) => self.model.loading = true,
            // A ceremony ends with its end, and with an error in it.
            ("payhsm_component_finish" | "payhsm_component_abort", true) => self.model.loading = false,
            (name, _) if name.starts_with("payhsm_component_") || name == "payhsm_state" => {
                self.model.loading &= self.state() == capi::PAYHSM_STATE_LOADING;
            }
            ("payhsm_tamper" | "payhsm_tamper_signal", true) => {
                self.model.tampered = true;
                self.model.loading = false;
            }
            ("payhsm_wipe", true) => self.model.live.clear(),
            // Refused by the storage, both keys have new handles.
            ("payhsm_key_replace", _) => {
                let known = |handle: &u32| self.module_knows(*handle);
                let gone: Vec<u32> = call
                    .handles
                    .iter()
                    .map(|(_, handle)| *handle)
                    .filter(|h| !known(h))
                    .collect();
                for handle in gone {
                    self.model.live.remove(&handle);
                    self.model.stale.push(handle);
                }
                self.learn_all();
            }
            (
                "payhsm_key_narrow" | "payhsm_backup_restore" | "payhsm_unionpay_sign_on" | "payhsm_batch_key_import",
                true,
            ) => {
                self.learn_all();
            }
            ("payhsm_reinitialise", true) => {
                self.model.live.clear();
                self.model.tampered = self.state() == capi::PAYHSM_STATE_TAMPERED;
            }
            _ => {}
        }
    }

    fn module_knows(&self, key: u32) -> bool {
        // SAFETY: valid parameters on a live context.
        unsafe {
            let mut info = zeroed::<PayhsmKeyInfo>();
            let status = capi::payhsm_key_info(self.ctx(), key, &raw mut info);
            status != Error::InvalidHandle.code() && status != Error::NoKey.code()
        }
    }

    fn state(&self) -> u32 {
        // SAFETY: a live context, a valid output.
        unsafe {
            let mut state = zeroed::<PayhsmState>();
            state.size = u32::try_from(size_of::<PayhsmState>()).unwrap();
            assert_eq!(capi::payhsm_state(self.ctx(), &raw mut state), 0);
            state.state
        }
    }
}

fn name_has_context(name: &str) -> bool {
    let function = FUNCTIONS.iter().find(|function| function.name == name);
    function.is_some_and(|function| matches!(function.parameters.first(), Some(Param::Ctx)))
}

fn old_of(machine: &Machine, before: &(Vec<u8>, Vec<u8>), region: &Region) -> Vec<u8> {
    for (words, old) in [(&machine.arena, &before.0), (&machine.rooms, &before.1)] {
        let start = words.as_ptr().addr();
        if region.at >= start && region.at + region.len <= start + old.len() {
            return old[region.at - start..region.at - start + region.len].to_vec();
        }
    }
    Vec::new()
}

/// Structures that begin with their size.
fn has_size(kind: &str) -> bool {
    !matches!(
        kind,
        "payhsm_key_attributes_t"
            | "payhsm_key_info_t"
            | "payhsm_initial_key_info_t"
            | "payhsm_working_keys_t"
            | "payhsm_pin_t"
            | "payhsm_ac_response_t"
            | "payhsm_oda_result_t"
            | "payhsm_ksn_fields_t"
            | "payhsm_rate_t"
            | "payhsm_key_bounds_t"
            | "payhsm_audit_position_t"
            | "payhsm_audit_status_t"
            | "payhsm_event_t"
            | "payhsm_batch_pin_block_t"
            | "payhsm_batch_issuer_auth_t"
            | "payhsm_batch_key_t"
    )
}

/// The bytes of a structure: often one that may be right.
fn structure(kind: &str, len: usize, input: &mut Input<'_>) -> Vec<u8> {
    let choice = input.byte();
    let mut bytes = vec![0; len];
    match (kind, choice & 3) {
        ("payhsm_key_attributes_t", 0..=2) => {
            let (usage, algorithm, mode, exportability) = KEYS[usize::from(choice >> 2) % KEYS.len()];
            bytes[..2].copy_from_slice(usage);
            bytes[2..7].copy_from_slice(&[algorithm, mode, b'0', b'0', exportability]);
        }
        ("payhsm_pin_t", 0..=2) => bytes[..5].copy_from_slice(&[4, 1, 2, 3, choice >> 2]),
        (_, 3) => {
            let rest = if choice & 4 == 0 { input.short() } else { input.long() };
            let taken = rest.len().min(len);
            bytes[..taken].copy_from_slice(&rest[..taken]);
        }
        _ => {
            let rest = input.slice(usize::from(choice >> 4));
            for (to, from) in bytes.iter_mut().skip(4).zip(rest) {
                *to = *from;
            }
        }
    }
    if has_size(kind) && choice != 255 {
        bytes[..4].copy_from_slice(&u32::try_from(len).unwrap().to_ne_bytes());
    }
    bytes
}

macro_rules! caller {
    ($($index:literal),*) => {
        /// Calls `function` with all arguments, more than it has.
        unsafe fn call_with(function: unsafe extern "C" fn(), arguments: &[usize; MAX_PARAMETERS]) -> i32 {
            // SAFETY: the caller's; integers and pointers are passed alike.
            unsafe {
                let function: unsafe extern "C" fn($(caller!(@type $index)),*) -> i32 = transmute(function);
                function($(arguments[$index]),*)
            }
        }
    };
    (@type $index:literal) => { usize };
}
caller!(
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23
);

#[cfg(test)]
mod tests {
    use super::*;

    /// Every function of the header is called but those that make and end a context and tell texts.
    #[test]
    fn every_function_is_in_the_table() {
        // The log is opened with the module: its memory stays the module's.
        assert_eq!(SKIPPED, ["payhsm_audit_open"]);
        assert!(FUNCTIONS.len() >= 130, "{}", FUNCTIONS.len());
    }

    /// Many functions go through at some time: a target in which everything is refused finds nothing.
    #[test]
    fn sequences_go_through() {
        let mut machine = Machine::new();
        assert_eq!(machine.model.live.len(), KEYS.len() + 1);
        let mut rng = Rng(3);
        for _ in 0..600 {
            let mut data = [0; 900];
            rng.fill(&mut data).unwrap();
            machine.run(&data);
        }
        let names: Vec<_> = FUNCTIONS
            .iter()
            .map(|f| f.name)
            .filter(|name| !machine.went_through.contains(name))
            .collect();
        assert!(
            machine.went_through.len() >= 20,
            "{} went through, not {names:?}",
            machine.went_through.len()
        );
    }

    /// The model sees a breach: a handle that it holds for erased, and the module does not.
    #[test]
    #[should_panic(expected = "names nothing")]
    fn a_breach_is_seen() {
        let mut machine = Machine::new();
        machine.rewind();
        let (key, _) = machine.model.live.pop_first().unwrap();
        let mut call = Call {
            arguments: Vec::new(),
            regions: Vec::new(),
            handles: vec![("key", key)],
            outs: Vec::new(),
            buffer: None,
            context: true,
            exact: true,
        };
        call.arguments.push(0);
        let before = (machine.bytes_mut(false).to_vec(), machine.bytes_mut(true).to_vec());
        let info = FUNCTIONS
            .iter()
            .find(|function| function.name == "payhsm_key_info")
            .unwrap();
        machine.judge(info, &call, 0, &before, None);
    }
}
