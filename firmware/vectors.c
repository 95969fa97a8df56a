/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Plays the published vectors that a terminal can check through the C API. */
#include <string.h>

#include "board.h"
#include "cases.h"
#include "terminal.h"

static uint32_t kbpk, group, transaction;

static void import(const struct step *step) {
    payhsm_key_info_t info;
    uint8_t header[7];
    uint32_t key = 0;
    expect_status(step->id,
                  CALL(payhsm_key_import, terminal, kbpk, step->parameter, step->in.at, step->in.len, &key, &info),
                  PAYHSM_OK);
    memcpy(header, info.attributes.usage, 2);
    header[2] = info.attributes.algorithm;
    header[3] = info.attributes.mode;
    memcpy(header + 4, info.attributes.version, 2);
    header[6] = info.attributes.exportability;
    expect_bytes(step->id, header, sizeof header, step->more);
    expect_bytes(step->id, info.kcv, info.kcv_len, step->out);
    expect_status(step->id, CALL(payhsm_key_erase, terminal, key), PAYHSM_OK);
}

/* The block with one character of the key changed must be refused by its authenticator. */
static void refuse_changed_block(const struct step *step) {
    uint8_t block[PAYHSM_KEY_BLOCK_MAX_LEN + 128];
    const size_t place = step->in.len - 40;
    payhsm_initial_key_info_t info;
    payhsm_key_info_t key_info;
    uint32_t handle = 0;
    payhsm_status_t status;
    if (step->in.len > sizeof block) {
        return;
    }
    memcpy(block, step->in.at, step->in.len);
    block[place] = block[place] == '0' ? '1' : '0';
    if (step->kind == STEP_LOAD) {
        status = CALL(payhsm_dukpt_load, terminal, kbpk, step->parameter, block, step->in.len, &handle, &info);
    } else {
        status = CALL(payhsm_key_import, terminal, kbpk, step->parameter, block, step->in.len, &handle, &key_info);
    }
    expect_status(step->id, status, PAYHSM_ERR_VERIFICATION_FAILED);
}

static void load(const struct step *step) {
    payhsm_initial_key_info_t info;
    expect_status("initial key",
                  CALL(payhsm_dukpt_load, terminal, kbpk, step->parameter, step->in.at, step->in.len, &group, &info),
                  PAYHSM_OK);
    expect_bytes("check value of the initial key", info.kcv, info.kcv_len, step->out);
}

static void begin(const struct step *step) {
    uint8_t ksn[PAYHSM_KSN_MAX_LEN];
    size_t len = 0;
    for (uint32_t i = 0; i < step->parameter; i++) {
        expect_status("transaction", CALL(payhsm_dukpt_begin, terminal, group, &transaction, ksn, sizeof ksn, &len),
                      PAYHSM_OK);
        if (len == step->in.len && memcmp(ksn, step->in.at, len) == 0) {
            return;
        }
    }
    expect_bytes("the KSN does not come", ksn, len, step->in);
}

static void pin(const struct step *step) {
    uint8_t block[PAYHSM_PIN_BLOCK_MAX_LEN];
    size_t len = 0;
    payhsm_pin_t entry = {0, {0}};
    entry.len = (uint8_t)step->in.len;
    for (size_t i = 0; i < step->in.len && i < sizeof entry.digits; i++) {
        entry.digits[i] = (uint8_t)(step->in.at[i] - '0');
    }
    terminal_random(step->random);
    expect_status(step->id,
                  CALL(payhsm_pin_encipher, terminal, transaction, step->parameter, step->more.at, step->more.len,
                       &entry, block, sizeof block, &len),
                  PAYHSM_OK);
    expect_bytes(step->id, block, len, step->out);
    /* The call has wiped the PIN here as well. */
    expect_bytes(step->id, entry.digits, sizeof entry.digits, (struct bytes)BYTES(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0));
}

static void mac(const struct step *step) {
    uint8_t out[PAYHSM_MAC_MAX_LEN];
    size_t len = 0;
    expect_status(step->id,
                  CALL(payhsm_mac_generate, terminal, transaction, step->parameter, step->in.at, step->in.len,
                       step->out.len, out, sizeof out, &len),
                  PAYHSM_OK);
    expect_bytes(step->id, out, len, step->out);
}

static void mac_check(const struct step *step) {
    uint8_t changed[PAYHSM_MAC_MAX_LEN];
    expect_status(step->id,
                  CALL(payhsm_mac_verify, terminal, transaction, step->parameter, step->in.at, step->in.len,
                       step->out.at, step->out.len),
                  PAYHSM_OK);
    memcpy(changed, step->out.at, step->out.len);
    changed[0] ^= 1;
    expect_status(step->id,
                  CALL(payhsm_mac_verify, terminal, transaction, step->parameter, step->in.at, step->in.len, changed,
                       step->out.len),
                  PAYHSM_ERR_VERIFICATION_FAILED);
}

static void data(const struct step *step) {
    uint8_t out[128];
    size_t len = 0;
    payhsm_status_t status;
    if (step->kind == STEP_ENCIPHER) {
        status = CALL(payhsm_data_encipher, terminal, transaction, step->more.at, step->more.len, step->in.at,
                      step->in.len, out, sizeof out, &len);
    } else {
        status = CALL(payhsm_data_decipher, terminal, transaction, step->more.at, step->more.len, step->in.at,
                      step->in.len, out, sizeof out, &len);
    }
    expect_status(step->id, status, PAYHSM_OK);
    expect_bytes(step->id, out, len, step->out);
}

static void play(const struct step *step) {
    switch (step->kind) {
    case STEP_MODULE:
        terminal_restart();
        kbpk = 0;
        break;
    case STEP_KBPK:
        kbpk = terminal_enter_kbpk(step->in, step->more, (uint8_t)step->parameter, step->out);
        break;
    case STEP_IMPORT:
        refuse_changed_block(step);
        import(step);
        break;
    case STEP_LOAD:
        refuse_changed_block(step);
        load(step);
        break;
    case STEP_BEGIN:
        begin(step);
        break;
    case STEP_PIN:
        pin(step);
        break;
    case STEP_MAC:
        mac(step);
        break;
    case STEP_MAC_CHECK:
        mac_check(step);
        break;
    case STEP_ENCIPHER:
    case STEP_DECIPHER:
        data(step);
        break;
    }
}

int play_vectors(void) {
    uint32_t cases = 0;
    for (size_t i = 0; i < sizeof STEPS / sizeof STEPS[0]; i++) {
        play(&STEPS[i]);
        cases += STEPS[i].id[0] != '\0';
    }
    board_write_unsigned(cases);
    board_write(" vector cases passed\n");
    return cases == VECTOR_CASES ? 0 : 1;
}

void play_sales(void) {
    for (size_t i = 0; i < sizeof SALES / sizeof SALES[0]; i++) {
        play_sale(&SALES[i]);
    }
}
