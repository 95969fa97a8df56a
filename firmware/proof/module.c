/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The module itself: start, stored keys, log-in, log, backup, agreements, end. */
#include <string.h>

#include "proof.h"

static const uint8_t HOST_ID[] = "host", TERMINAL_ID[] = "terminal";
#define GIVEN out.bytes, sizeof out.bytes, &out.len

static void stored(void) {
    restart(0);
    key = enter(&host, "M6", 'A', 'C', 'E', 9, 16);
}
static payhsm_status_t store(void) { return payhsm_key_store(host.ctx, key); }
static void closable(void) {
    stored();
    must(store());
}
static payhsm_status_t close_it(void) { return payhsm_close(host.ctx); }
static void closed(void) {
    closable();
    must(payhsm_close(host.ctx));
}
static payhsm_status_t start(void) {
    reopen(&host, 0);
    return PAYHSM_OK;
}
static payhsm_status_t tamper(void) { return payhsm_tamper(host.ctx); }
static payhsm_status_t wipe(void) { return payhsm_wipe(host.ctx); }
static payhsm_status_t random_bytes(void) { return payhsm_random(host.ctx, out.bytes, 32); }
static payhsm_status_t key_info(void) { return payhsm_key_info(host.ctx, key, &out.info); }

/* --- log-in ------------------------------------------------------------------------------------------------------- */

static void user(void) {
    payhsm_enrolment_t enrolment = {sizeof enrolment, 1, PAYHSM_ROLE_OFFICER, 0, PAYHSM_FACTOR_NONE, 0, 0, 0, 0};
    restart(0);
    enrolment.key = enter(&host, "M6", 'A', 'V', 'N', 9, 16);
    key = enter(&terminal, "M6", 'A', 'C', 'N', 9, 16);
    must(payhsm_role_enrol(host.ctx, &enrolment));
    must(payhsm_login_begin(host.ctx, 1, in.bytes));
    must(payhsm_mac_generate(terminal.ctx, key, PAYHSM_MAC_CMAC, in.bytes, PAYHSM_CHALLENGE_LEN, PAYHSM_RESPONSE_LEN, in.block,
                             BLOCK, &in.len));
}
static void user_wrong(void) {
    user();
    other_bytes(in.block, in.len);
}
static payhsm_status_t login(void) { return payhsm_login_finish(host.ctx, in.block, 0, &out.handle); }

/* --- backup ------------------------------------------------------------------------------------------------------- */

static DECLARED uint8_t saved[4096];
static void backup(void) {
    restart(0);
    kbpk = enter(&host, "K1", 'A', 'B', 'N', 8, 32);
    key = enter(&host, "M6", 'A', 'C', 'E', 9, 16);
    memset(saved, 0, sizeof saved);
}
static payhsm_status_t backup_write(void) { return payhsm_backup_write(host.ctx, kbpk, saved, sizeof saved, &out.len); }
static void backup_made(void) {
    backup();
    must(payhsm_backup_write(host.ctx, kbpk, saved, sizeof saved, &in.len));
    PUBLIC(saved, sizeof saved);
    must(payhsm_key_erase(host.ctx, key));
}
static void backup_wrong(void) {
    backup_made();
    saved[in.len - 3] ^= 1;
}
static payhsm_status_t backup_restore(void) { return payhsm_backup_restore(host.ctx, kbpk, saved, in.len, &out.handle); }

/* --- agreement over P-256 ----------------------------------------------------------------------------------------- */

static void shared_key(void) {
    restart(PAYHSM_POLICY_UNAUTHENTICATED_AGREEMENT);
    key = enter(&host, "B3", 'A', 'X', 'N', 9, 16);
    second = enter(&terminal, "B3", 'A', 'X', 'N', 9, 16);
}
static void first_message(void) {
    shared_key();
    must(payhsm_agreement_begin(host.ctx, key, HOST_ID, 4, TERMINAL_ID, 8, 16, in.block, BLOCK, &in.len));
}
static payhsm_status_t answer(void) {
    return payhsm_agreement_answer(terminal.ctx, second, HOST_ID, 4, TERMINAL_ID, 8, 16, in.block, GIVEN);
}
static void confirmed(void) {
    payhsm_key_info_t info;
    uint32_t given;
    first_message();
    must(payhsm_agreement_answer(terminal.ctx, second, HOST_ID, 4, TERMINAL_ID, 8, 16, in.block, in.bytes, BLOCK, &in.len));
    must(payhsm_agreement_confirm(host.ctx, in.bytes, &given, &info, in.block, BLOCK, &in.len));
}
static payhsm_status_t agreed(void) { return payhsm_agreement_finish(terminal.ctx, in.block, &out.handle, &out.info); }
static void confirmed_wrong(void) {
    confirmed();
    other_bytes(in.block, in.len);
}

const struct operation MODULE[] = {
    RUN("key stored, sealed", stored, store, PAYHSM_OK, 0),
    RUN("start, records unsealed", closed, start, PAYHSM_OK, KEEPS),
    RUN("end", closable, close_it, PAYHSM_OK, CLEARS),
    RUN("tamper", closable, tamper, PAYHSM_OK, 0),
    RUN("wipe", closable, wipe, PAYHSM_OK, 0),
    FOR(LAST_BYTE, "random bytes", stored, random_bytes, PAYHSM_OK, KEEPS),
    RUN("attributes of a key", stored, key_info, PAYHSM_OK, 0),
    RUN("log-in", user, login, PAYHSM_OK, KEEPS),
    RUN("log-in, wrong answer", user_wrong, login, WRONG, ALSO),
    FOR(LAST_BYTE, "backup written", backup, backup_write, PAYHSM_OK, KEEPS),
    RUN("backup restored", backup_made, backup_restore, PAYHSM_OK, KEEPS),
    RUN("backup restored, changed", backup_wrong, backup_restore, WRONG, ALSO),
    RUN("agreement, the terminal's answer", first_message, answer, PAYHSM_OK, KEEPS),
    RUN("agreement, end", confirmed, agreed, PAYHSM_OK, KEEPS),
    RUN("agreement, end, wrong confirmation", confirmed_wrong, agreed, WRONG, ALSO),
};
const size_t MODULE_COUNT = LENGTH(MODULE);
