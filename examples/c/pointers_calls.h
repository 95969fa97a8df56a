/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the functions take: the state that a right call needs, its parameters, its outputs. Read by pointers.c alone. */
#ifndef EXAMPLE_POINTERS_CALLS_H
#define EXAMPLE_POINTERS_CALLS_H

#include "check.h"
#include "device.h"
#include "oda_card.h"

#include <stdlib.h>

static device_t here, there;

enum { INS = 6, OUTS = 4, HANDLES = 3, RANDOM_HANDLES = 1000, FAR = 4096 };

/* The parameters of the call that comes. */
static struct {
    payhsm_ctx_t *ctx;
    uint32_t handle[HANDLES];
    const void *in[INS];
    size_t in_len[INS];
    void *out[OUTS];
    size_t capacity; /* of the first output, if it is a buffer */
} p;

/* How an output is told. */
typedef enum { NOTHING, BUFFER, BYTES, VALUE, SIZED, PIN } form_t;

typedef struct {
    const char *name;
    payhsm_status_t (*run)(void);
    /* What a right call gives. */
    payhsm_status_t good;
    /* The state that a right call needs, and what makes it undone; both may be called at any time. */
    void (*before)(void), (*after)(void);
    const uint32_t *handle[HANDLES];
    struct {
        const void *bytes;
        size_t len;
        int fixed; /* no length goes with it */
    } in[INS];
    struct {
        form_t form;
        size_t len;
    } out[OUTS];
    int in_place; /* the first output may be the second input */
} call_t;

/* --- the world ----------------------------------------------------------------------------------------------------- */

typedef struct {
    uint32_t kbpk_saved, kbpk, kbpk_out, bdk, psk, mac, pin_in, pin_out, pvk, pvk_3624, imk, cvk, imk_dn, imk_smi, imk_smc, pin_tdea,
        data, data_to, data_ecb, data_ctr, track, mac_to, sign, group, transaction;
} keys_t;

static keys_t own, foreign;
static uint8_t key_block[PAYHSM_KEY_BLOCK_MAX_LEN], initial_block[256];
static size_t key_block_len, initial_block_len;

static const uint8_t ZEROS[80];
static const uint8_t PAN[] = "4012345678909";
static const uint8_t PVV[] = "0000";
static const uint8_t TRACK[] = "4012345678909=2512101123456";
static const uint8_t EXPIRY[] = "2512";
/* More than any CVC3, and a card verification value of one key in a hundred thousand. */
static const uint8_t DIGITS[] = "98765";
static const uint8_t ID[8] = {0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x56};
static const uint8_t OTHER_ID[8] = {0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x57};
static const uint8_t KSN[12] = {0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x56, 0, 0, 0, 1};
/* Of ID, no counter accepted, three transactions back. */
static const uint8_t WINDOW[PAYHSM_REPLAY_WINDOW_LEN] = {1, 2, 3, 0, 0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x56};
static const payhsm_pin_t PIN_1234 = {4, {1, 2, 3, 4}};
static const payhsm_pin_profile_t PROFILE = {
    sizeof(payhsm_pin_profile_t),
    {'0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '0', '1', '2', '3', '4', '5'}, 0, 12, 15, 13, 4, 0, {0, 0}};
static const payhsm_key_attributes_t DATA_KEY = {{'D', '0'}, 'A', 'B', {'0', '0'}, 'N', 0};
static const payhsm_key_attributes_t MAC_KEY = {{'M', '6'}, 'A', 'C', {'0', '0'}, 'E', 0};
static const payhsm_export_t NARROWER = {
    sizeof(payhsm_export_t), PAYHSM_EXPORT_KEY_CHECK | PAYHSM_EXPORT_KBPK_CHECK, 'D', 'V', 'N', 0};
static const payhsm_enrolment_t ENROLMENT = {sizeof(payhsm_enrolment_t), 1, PAYHSM_ROLE_OFFICER, 0, 0, 0, 0, 0, 0};
static const payhsm_narrowing_t NARROWING = {sizeof(payhsm_narrowing_t), 0, 0, 0, 0, 0, 0, 0, 0};
static const uint8_t LABEL[] = {'L', 'B', '0', '8', 'n', 'o', ' ', '1'};
/* The base point of P-256, a point of the curve, and zeros: the first message of an agreement, and each of the others. */
static const uint8_t M1[PAYHSM_AGREEMENT_SIGNED_M2_LEN] = {
    0x04, 0x6B, 0x17, 0xD1, 0xF2, 0xE1, 0x2C, 0x42, 0x47, 0xF8, 0xBC, 0xE6, 0xE5, 0x63, 0xA4, 0x40, 0xF2,
    0x77, 0x03, 0x7D, 0x81, 0x2D, 0xEB, 0x33, 0xA0, 0xF4, 0xA1, 0x39, 0x45, 0xD8, 0x98, 0xC2, 0x96, 0x4F,
    0xE3, 0x42, 0xE2, 0xFE, 0x1A, 0x7F, 0x9B, 0x8E, 0xE7, 0xEB, 0x4A, 0x7C, 0x0F, 0x9E, 0x16, 0x2B, 0xCE,
    0x33, 0x57, 0x6B, 0x31, 0x5E, 0xCE, 0xCB, 0xB6, 0x40, 0x68, 0x37, 0xBF, 0x51, 0xF5};
static const uint8_t CARD_ANSWER[32] = {0x77, 0x1E, 0x9F, 0x27, 0x01, 0x80, 0x9F, 0x36, 0x02, 0x00, 0x01,
                                        0x9F, 0x26, 0x08, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88,
                                        0x9F, 0x10, 0x07, 0x06, 0x01, 0x12, 0x03, 0xA0, 0x00, 0x00};
/* What CVN 18 takes in, with a cryptogram that is none. */
static const uint8_t FIELD55[] = {
    0x9F, 0x02, 6, 0, 0, 0, 0, 0x10, 0, 0x9F, 0x03, 6, 0, 0, 0, 0, 0, 0, 0x9F, 0x1A, 2, 0x08, 0x40, 0x95, 5, 0, 0, 0, 0,
    0, 0x5F, 0x2A, 2, 0x08, 0x40, 0x9A, 3, 0x24, 1, 1, 0x9C, 1, 0, 0x9F, 0x37, 4, 1, 2, 3, 4, 0x82, 2, 0x18, 0, 0x9F,
    0x36, 2, 0, 1, 0x9F, 0x10, 7, 0x06, 1, 0x12, 3, 0xA0, 0, 0, 0x9F, 0x26, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0x9F, 0x27, 1,
    0x80};
static const payhsm_script_target_t SCRIPT = {
    sizeof(payhsm_script_target_t), PAYHSM_SCHEME_VISA, 10, 0, 1, 0, {1, 2, 3, 4, 5, 6, 7, 8}};
static const payhsm_raw_cryptogram_t RAW = {
    sizeof(payhsm_raw_cryptogram_t), PAYHSM_MASTER_KEY_A, PAYHSM_SESSION_KEY_COMMON, 2, 2, PAYHSM_ARPC_KEY_SESSION, 0, 1, PAYHSM_CRYPTOGRAM_ARQC, {1, 2, 3, 4}, {1, 2, 3, 4, 5, 6, 7, 8}};

/* Jobs that fail one by one: the calls succeed. */
static const payhsm_batch_pin_verify_t PIN_JOBS[2];
static const payhsm_batch_pin_translate_t TRANSLATE_JOBS[2];
static const payhsm_batch_arqc_verify_t ARQC_JOBS[2];
static const payhsm_batch_mac_verify_t MAC_JOBS[2];
static const payhsm_batch_cvv_verify_t CVV_JOBS[2];
static const payhsm_batch_key_import_t IMPORT_JOBS[2];
static payhsm_status_t job_statuses[2];

/* A card of our own, and what the terminal knows of it: filled by `card_make`. */
static payhsm_ca_key_t ca_key;
static const payhsm_oda_transaction_t SALE = {
    sizeof(payhsm_oda_transaction_t), {0x26, 0x11, 0x25}, {0x61, 0}, {0x8B, 0x55, 0x63, 0x3B}, {0}, {0}, {0}};
static const uint8_t REVOKED[PAYHSM_REVOKED_LEN] = {0xA0, 0, 0, 0x99, 0x99, 0xF5, 0, 0x0A, 0x02};
static uint8_t oda_records[1024], oda_sent[64], oda_response[256];
static size_t oda_records_len, oda_sent_len, oda_response_len;

static void text_make(const char *hex, uint8_t *bytes, size_t capacity, size_t *len)
{
    const uint8_t *from = input(hex, len);

    CHECK(*len <= capacity);
    memcpy(bytes, from, *len);
}

static void card_make(void)
{
    static const uint8_t rid[5] = {0xA0, 0, 0, 0x99, 0x99};
    size_t len;

    ca_key.size = sizeof ca_key;
    memcpy(ca_key.rid, rid, sizeof rid);
    ca_key.index = 0xF5;
    ca_key.exponent_len = 1;
    ca_key.exponent[0] = 3;
    text_make(ODA_MODULUS, ca_key.modulus, sizeof ca_key.modulus, &len);
    ca_key.modulus_len = (uint8_t)len;
    text_make(ODA_CHECKSUM, ca_key.checksum, sizeof ca_key.checksum, &len);
    text_make(ODA_RECORDS, oda_records, sizeof oda_records, &oda_records_len);
    text_make(ODA_CDA_SENT, oda_sent, sizeof oda_sent, &oda_sent_len);
    text_make(ODA_CDA_RESPONSE, oda_response, sizeof oda_response, &oda_response_len);
}

static uint32_t make(device_t *device, const char *usage, char algorithm, char mode, char exportability)
{
    payhsm_key_attributes_t attributes = {{0, 0}, 0, 0, {'0', '0'}, 0, 0};
    payhsm_key_info_t info;
    uint32_t key = 0;

    memcpy(attributes.usage, usage, 2);
    attributes.algorithm = (uint8_t)algorithm;
    attributes.mode = (uint8_t)mode;
    attributes.exportability = (uint8_t)exportability;
    CHECK_OK(payhsm_key_generate(device->ctx, &attributes, algorithm == 'E' ? 32 : 16, &key, &info));
    return key;
}

static void fill(device_t *device, keys_t *keys)
{
    payhsm_initial_key_info_t info;
    uint8_t ksn[PAYHSM_KSN_MAX_LEN], kcv[PAYHSM_KCV_MAX_LEN];
    uint32_t profile = 0;
    size_t len;

    CHECK_OK(device_start(device, PAYHSM_POLICY_UNAUTHENTICATED_AGREEMENT | PAYHSM_POLICY_RAW_CRYPTOGRAM |
                                      PAYHSM_POLICY_EXPLAIN_CRYPTOGRAM | PAYHSM_POLICY_ECB_DATA |
                                      PAYHSM_POLICY_UNIONPAY | PAYHSM_POLICY_OFFLINE_PIN |
                                      PAYHSM_POLICY_PLAINTEXT_OFFLINE_PIN));
    CHECK_OK(payhsm_audit_open(device->ctx, device->log, sizeof device->log, PAYHSM_AUDIT_OVERWRITE));
    keys->kbpk_saved = make(device, "K1", 'A', 'B', 'N');
    keys->kbpk = make(device, "K1", 'A', 'B', 'N');
    keys->kbpk_out = make(device, "K1", 'A', 'E', 'N');
    keys->bdk = make(device, "B0", 'A', 'X', 'N');
    keys->psk = make(device, "B3", 'A', 'X', 'N');
    keys->mac = make(device, "M6", 'A', 'C', 'E');
    keys->pin_in = make(device, "P0", 'A', 'D', 'N');
    keys->pin_out = make(device, "P0", 'A', 'E', 'N');
    keys->pvk = make(device, "V2", 'T', 'C', 'N');
    keys->pvk_3624 = make(device, "V1", 'T', 'C', 'N');
    CHECK_OK(payhsm_pin_profile_register(device->ctx, &PROFILE, &profile));
    keys->imk = make(device, "E0", 'T', 'X', 'N');
    keys->cvk = make(device, "C0", 'T', 'C', 'N');
    keys->imk_dn = make(device, "E4", 'T', 'X', 'N');
    keys->imk_smi = make(device, "E2", 'T', 'X', 'N');
    keys->imk_smc = make(device, "E1", 'T', 'X', 'N');
    keys->pin_tdea = make(device, "P0", 'T', 'D', 'N');
    keys->data = make(device, "D0", 'A', 'B', 'N');
    keys->sign = make(device, "S0", 'E', 'S', 'N');
    keys->data_to = make(device, "D0", 'A', 'E', 'N');
    keys->data_ecb = make(device, "D0", 'A', 'B', 'N');
    keys->data_ctr = make(device, "D0", 'A', 'B', 'N');
    keys->track = make(device, "D0", 'T', 'B', 'N');
    keys->mac_to = make(device, "M6", 'A', 'G', 'N');
    CHECK_OK(payhsm_dukpt_export_initial_key(device->ctx, keys->bdk, ID, sizeof ID, keys->kbpk, initial_block,
                                             sizeof initial_block, &initial_block_len, kcv));
    CHECK_OK(payhsm_dukpt_load(device->ctx, keys->kbpk, PAYHSM_PROFILE_X9_143_STRICT, initial_block, initial_block_len,
                               &keys->group, &info));
    CHECK_OK(payhsm_dukpt_begin(device->ctx, keys->group, &keys->transaction, ksn, sizeof ksn, &len));
    CHECK_OK(payhsm_dukpt_export_initial_key(device->ctx, keys->bdk, OTHER_ID, sizeof OTHER_ID, keys->kbpk,
                                             initial_block, sizeof initial_block, &initial_block_len, kcv));
    CHECK_OK(payhsm_key_export(device->ctx, keys->kbpk, keys->mac, key_block, sizeof key_block, &key_block_len));
}

/* --- states -------------------------------------------------------------------------------------------------------- */

static void ignore(payhsm_status_t status)
{
    (void)status;
}

static void ceremony(void)
{
    ignore(payhsm_component_begin(here.ctx, &DATA_KEY, 16, 2, NULL, 0));
}

static void full_ceremony(void)
{
    uint8_t component[16] = {1};

    ceremony();
    ignore(payhsm_component_add(here.ctx, 1, component, 16, NULL, 0));
    component[1] = 2;
    ignore(payhsm_component_add(here.ctx, 2, component, 16, NULL, 0));
}

static void no_ceremony(void)
{
    CHECK_OK(payhsm_component_abort(here.ctx));
}

/* The handle that a call gave, if it gave one. */
static uint32_t given(void)
{
    uint32_t handle = 0;

    if (p.out[0] != NULL) {
        memcpy(&handle, p.out[0], sizeof handle);
    }
    return handle;
}

static void erase_key(void)
{
    ignore(payhsm_key_erase(here.ctx, given()));
}

static void erase_group(void)
{
    ignore(payhsm_dukpt_erase(here.ctx, given()));
}

static void end_transaction(void)
{
    ignore(payhsm_transaction_end(here.ctx, given()));
}

static void another_transaction(void)
{
    uint8_t ksn[PAYHSM_KSN_MAX_LEN];
    size_t len;

    CHECK_OK(payhsm_dukpt_begin(here.ctx, own.group, &own.transaction, ksn, sizeof ksn, &len));
}

static void answered(void)
{
    uint8_t m2[PAYHSM_AGREEMENT_M2_LEN];
    size_t len;

    CHECK_OK(payhsm_agreement_answer(here.ctx, own.psk, PAN, 4, PAN, 5, 16, M1, m2, sizeof m2, &len));
}

static void answered_signed(void)
{
    uint8_t m2[PAYHSM_AGREEMENT_SIGNED_M2_LEN];
    size_t len;

    CHECK_OK(payhsm_agreement_answer_signed(here.ctx, own.sign, M1, PAYHSM_EC_PUBLIC_LEN, PAN, 4, PAN, 5, 16, M1, m2,
                                            sizeof m2, &len));
}

static void begun(void)
{
    uint8_t m1[PAYHSM_AGREEMENT_M1_LEN];
    size_t len;

    CHECK_OK(payhsm_agreement_begin(here.ctx, own.psk, PAN, 4, PAN, 5, 16, m1, sizeof m1, &len));
}

static void begun_signed(void)
{
    uint8_t m1[PAYHSM_AGREEMENT_M1_LEN];
    size_t len;

    CHECK_OK(payhsm_agreement_begin_signed(here.ctx, own.sign, PAN, 4, PAN, 5, 16, m1, sizeof m1, &len));
}

static void begun_unauthenticated(void)
{
    uint8_t key[PAYHSM_EC_PUBLIC_LEN];
    size_t len;

    CHECK_OK(payhsm_agreement_unauthenticated_begin(here.ctx, key, sizeof key, &len));
}

static void mac_making(void)
{
    CHECK_OK(payhsm_mac_begin(here.ctx, own.mac, PAYHSM_MAC_CMAC, PAYHSM_MAC_GENERATE));
}

static void mac_checking(void)
{
    CHECK_OK(payhsm_mac_begin(here.ctx, own.mac, PAYHSM_MAC_CMAC, PAYHSM_MAC_VERIFY));
}

/* The last record of the log: nothing comes behind it while it is read. */
static uint64_t last_record;

static void log_end(void)
{
    payhsm_audit_status_t status;

    CHECK_OK(payhsm_audit_status(here.ctx, &status));
    last_record = status.last.sequence;
}

static void end_session(void)
{
    ignore(payhsm_session_close(here.ctx, given()));
}

/* --- the functions ------------------------------------------------------------------------------------------------- */

#define C p.ctx
#define H(i) p.handle[i]
#define I(i) p.in[i]
#define IL(i) p.in[i], p.in_len[i]
#define O(i) p.out[i]
#define OB p.out[0], p.capacity, p.out[1]
#define F(name, call)                          \
    static payhsm_status_t run_##name(void)    \
    {                                          \
        return (call);                         \
    }

F(state, payhsm_state(C, O(0)))
F(audit_open, payhsm_audit_open(C, O(0), p.capacity, PAYHSM_AUDIT_STOP))
F(audit_status, payhsm_audit_status(C, O(0)))
F(audit_read, payhsm_audit_read(C, last_record, OB, O(2)))
F(audit_release, payhsm_audit_release(C, I(0)))
F(audit_note, payhsm_audit_note(C, I(0), IL(1), O(0)))
F(audit_key_export, payhsm_audit_key_export(C, H(0), OB))
F(audit_verify, payhsm_audit_verify(C, H(0), IL(0), NULL, NULL, O(0)))
F(next_event, payhsm_next_event(C, O(0)))
F(status_message, payhsm_status_message(C, I(0), OB))
F(key_next, payhsm_key_next(C, 0, O(0), O(1), O(2)))
F(key_bounds, payhsm_key_bounds(C, H(0), O(0)))
F(key_narrow, payhsm_key_narrow(C, H(0), I(0)))
F(key_store, payhsm_key_store(C, H(0)))
F(key_replace, payhsm_key_replace(C, H(0), H(1), O(0)))
F(session_open, payhsm_session_open(C, 7, O(0)))
F(session_close, payhsm_session_close(C, 1))
F(set_date, payhsm_set_date(C, 20261231))
F(limits_reset, payhsm_limits_reset(C))
F(backup_len, payhsm_backup_len(C, O(0)))
F(backup_write, payhsm_backup_write(C, H(0), OB))
F(backup_restore, payhsm_backup_restore(C, H(0), IL(0), O(0)))
F(random, payhsm_random(C, O(0), p.capacity))
F(policy, payhsm_policy(C, O(0)))
F(self_test, payhsm_self_test(C, PAYHSM_TEST_TDEA, O(0)))
F(self_test_step, payhsm_self_test_step(C, O(0)))
F(role_enrol, payhsm_role_enrol(C, I(0)))
F(role_status, payhsm_role_status(C, 1, O(0)))
F(login_begin, payhsm_login_begin(C, 1, O(0)))
F(login_finish, payhsm_login_finish(C, I(0), 0, O(0)))
F(key_info, payhsm_key_info(C, H(0), O(0)))
F(key_erase, payhsm_key_erase(C, H(0)))
F(key_generate, payhsm_key_generate(C, I(0), 16, O(0), O(1)))
F(component_begin, payhsm_component_begin(C, I(0), 16, 2, IL(1)))
F(component_add, payhsm_component_add(C, 1, IL(0), IL(1)))
F(component_finish, payhsm_component_finish(C, O(0), O(1)))
F(key_import, payhsm_key_import(C, H(0), PAYHSM_PROFILE_X9_143_STRICT, IL(0), O(0), O(1)))
F(key_export, payhsm_key_export(C, H(0), H(1), OB))
F(key_import_as, payhsm_key_import_as(C, H(0), PAYHSM_PROFILE_X9_143_STRICT, IL(0), I(1), O(0), O(1)))
F(key_export_as, payhsm_key_export_as(C, H(0), H(1), I(0), IL(1), OB))
F(key_translate, payhsm_key_translate(C, H(0), PAYHSM_PROFILE_X9_143_STRICT, IL(0), H(1), I(1), IL(2), OB))
F(key_check, payhsm_key_check(C, H(0), PAYHSM_CHECK_CMAC, IL(0)))
F(agreement_answer, payhsm_agreement_answer(C, H(0), IL(0), IL(1), 16, I(2), OB))
F(agreement_finish, payhsm_agreement_finish(C, I(0), O(0), O(1)))
F(working_key_import, payhsm_working_key_import(C, H(0), I(0), IL(1), IL(2), O(0), O(1)))
F(unionpay_sign_on, payhsm_unionpay_sign_on(C, H(0), PAYHSM_SIGN_ON_DOUBLE, IL(0), O(0)))
F(key_public, payhsm_key_public(C, H(0), OB))
F(agreement_begin, payhsm_agreement_begin(C, H(0), IL(0), IL(1), 16, OB))
F(agreement_confirm, payhsm_agreement_confirm(C, I(0), O(2), O(3), OB))
F(agreement_begin_signed, payhsm_agreement_begin_signed(C, H(0), IL(0), IL(1), 16, OB))
F(agreement_confirm_signed, payhsm_agreement_confirm_signed(C, IL(0), I(1), O(2), O(3), OB))
F(agreement_answer_signed, payhsm_agreement_answer_signed(C, H(0), IL(0), IL(1), IL(2), 16, I(3), OB))
F(agreement_finish_signed, payhsm_agreement_finish_signed(C, I(0), O(0), O(1)))
F(agreement_unauthenticated_begin, payhsm_agreement_unauthenticated_begin(C, OB))
F(agreement_unauthenticated_finish,
  payhsm_agreement_unauthenticated_finish(C, IL(0), PAYHSM_KDF_X963_SHA256, IL(1), 16, 'D', O(0), O(1)))
F(transaction_end, payhsm_transaction_end(C, H(0)))
F(transaction_ksn, payhsm_transaction_ksn(C, H(0), OB))
F(dukpt_load, payhsm_dukpt_load(C, H(0), PAYHSM_PROFILE_X9_143_STRICT, IL(0), O(0), O(1)))
F(dukpt_find, payhsm_dukpt_find(C, 0, O(0), O(1)))
F(dukpt_begin, payhsm_dukpt_begin(C, H(0), O(2), OB))
F(dukpt_update, payhsm_dukpt_update(C, H(0), PAYHSM_PROFILE_X9_143_STRICT, IL(0), O(0)))
F(dukpt_erase, payhsm_dukpt_erase(C, H(0)))
F(transaction_select, payhsm_transaction_select(C, H(0), PAYHSM_WORKING_DATA, PAYHSM_KEY_TYPE_AES128))
F(pin_encipher, payhsm_pin_encipher(C, H(0), PAYHSM_PIN_FORMAT_4, IL(0), O(2), OB))
F(mac_generate, payhsm_mac_generate(C, H(0), PAYHSM_MAC_CMAC, IL(0), 16, OB))
F(mac_verify, payhsm_mac_verify(C, H(0), PAYHSM_MAC_CMAC, IL(0), IL(1)))
F(mac_begin, payhsm_mac_begin(C, H(0), PAYHSM_MAC_CMAC, PAYHSM_MAC_GENERATE))
F(mac_update, payhsm_mac_update(C, IL(0)))
F(mac_abort, payhsm_mac_abort(C))
F(mac_finish, payhsm_mac_finish(C, 16, OB))
F(mac_finish_verify, payhsm_mac_finish_verify(C, IL(0)))
F(data_encipher, payhsm_data_encipher(C, H(0), IL(0), IL(1), OB))
F(data_decipher, payhsm_data_decipher(C, H(0), IL(0), IL(1), OB))
F(mac_begin_sized, payhsm_mac_begin_sized(C, H(0), PAYHSM_MAC_CMAC, PAYHSM_MAC_GENERATE, 5))
F(mac_translate, payhsm_mac_translate(C, H(0), PAYHSM_MAC_CMAC, IL(0), IL(1), H(1), PAYHSM_MAC_CMAC, 16, OB))
F(data_ecb_encipher, payhsm_data_ecb_encipher(C, H(0), IL(1), OB))
F(data_ecb_decipher, payhsm_data_ecb_decipher(C, H(0), IL(1), OB))
F(data_ctr, payhsm_data_ctr(C, H(0), IL(0), IL(1), OB))
F(data_reencipher, payhsm_data_reencipher(C, H(0), IL(0), IL(1), H(1), IL(2), OB))
F(track2_encipher, payhsm_track2_encipher(C, H(0), IL(0), OB))
F(track2_decipher, payhsm_track2_decipher(C, H(0), IL(0), 27, OB))
F(emv_ac_response, payhsm_emv_ac_response(IL(0), O(0)))
F(oda_verify, payhsm_oda_verify(PAYHSM_ODA_CDA, I(0), IL(1), I(2), IL(3), IL(4), IL(5), O(0)))
F(offline_pin_encipher, payhsm_offline_pin_encipher(C, I(0), IL(1), I(2), IL(3), I(4), O(2), OB))
F(offline_pin_plaintext, payhsm_offline_pin_plaintext(C, O(2), O(0)))
F(dukpt_derive, payhsm_dukpt_derive(C, H(0), IL(0), O(0)))
F(dukpt_export_initial_key, payhsm_dukpt_export_initial_key(C, H(0), IL(0), H(1), OB, O(2)))
F(dukpt_export_update, payhsm_dukpt_export_update(C, H(0), IL(0), H(1), IL(1), OB, O(2)))
F(ct_eq, payhsm_ct_eq(I(0), I(1), 16))
F(pan_check, payhsm_pan_check(IL(0)))
F(pan_mask, payhsm_pan_mask(IL(0), O(0)))
F(ksn_split, payhsm_ksn_split(IL(0), 8, 8, 8, O(0)))
F(replay_new, payhsm_replay_new(IL(0), 3, O(0)))
F(replay_check, payhsm_replay_check(I(0), IL(1), 1))
F(replay_accept, payhsm_replay_accept(I(0), IL(1), 1, O(0)))
F(pin_translate, payhsm_pin_translate(C, H(0), PAYHSM_PIN_FORMAT_4, IL(0), IL(1), H(1), PAYHSM_PIN_FORMAT_4, OB))
F(pin_translate_pans, payhsm_pin_translate_pans(C, H(0), PAYHSM_PIN_FORMAT_4, IL(0), IL(1), H(1), PAYHSM_PIN_FORMAT_4,
                                                  IL(2), OB))
F(pin_verify_pvv, payhsm_pin_verify_pvv(C, H(0), PAYHSM_PIN_FORMAT_4, IL(0), IL(1), H(1), 1, I(2)))
F(pin_profile_register, payhsm_pin_profile_register(C, I(0), O(0)))
F(pin_verify_3624, payhsm_pin_verify_3624(C, H(0), PAYHSM_PIN_FORMAT_4, IL(0), IL(1), H(1), 1, IL(2)))
F(pvv_generate, payhsm_pvv_generate(C, H(0), PAYHSM_PIN_FORMAT_4, IL(0), IL(1), H(1), 1, O(0)))
F(pin_offset_generate, payhsm_pin_offset_generate(C, H(0), PAYHSM_PIN_FORMAT_4, IL(0), IL(1), H(1), 1, OB))
F(pin_generate_pvv, payhsm_pin_generate_pvv(C, H(0), H(1), 4, PAYHSM_PIN_FORMAT_4, 1, IL(0), OB, O(2)))
F(pin_generate_3624, payhsm_pin_generate_3624(C, H(0), H(1), PAYHSM_PIN_FORMAT_4, 1, IL(0), OB, O(2)))
F(pin_derive_3624, payhsm_pin_derive_3624(C, H(0), H(1), PAYHSM_PIN_FORMAT_4, 1, IL(0), IL(1), OB))
F(pin_change_pvv, payhsm_pin_change_pvv(C, H(0), H(1), H(2), PAYHSM_PIN_FORMAT_4, PAYHSM_PIN_FORMAT_4, 1, IL(0), IL(1),
                                        IL(2), I(3), O(0)))
F(pin_change_3624, payhsm_pin_change_3624(C, H(0), H(1), H(2), PAYHSM_PIN_FORMAT_4, PAYHSM_PIN_FORMAT_4, 1, IL(0),
                                          IL(1), IL(2), IL(3), OB))
F(batch_pin_verify_pvv, payhsm_batch_pin_verify_pvv(C, I(0), 2, job_statuses))
F(batch_pin_translate, payhsm_batch_pin_translate(C, I(0), 2, O(0), job_statuses))
F(batch_arqc_verify, payhsm_batch_arqc_verify(C, I(0), 2, O(0), job_statuses))
F(batch_mac_verify, payhsm_batch_mac_verify(C, I(0), 2, IL(1), job_statuses))
F(batch_cvv_verify, payhsm_batch_cvv_verify(C, I(0), 2, job_statuses))
F(batch_key_import, payhsm_batch_key_import(C, I(0), 2, IL(1), O(0), job_statuses))
F(arqc_verify, payhsm_arqc_verify(C, H(0), PAYHSM_SCHEME_VISA, 18, IL(0), 0, IL(1), IL(2), OB))
F(arqc_verify_raw, payhsm_arqc_verify_raw(C, H(0), I(0), IL(1), IL(2), IL(3), OB))
F(arqc_explain, payhsm_arqc_explain(C, H(0), PAYHSM_SCHEME_VISA, 18, IL(0), 0, IL(1), OB))
F(script_command, payhsm_script_command(C, H(0), own.imk_smc, I(0), IL(1), PAYHSM_SCRIPT_PUT_DATA, 0x9F58, IL(2), OB))
/* The current PIN and the card's key could be left out: their handles stay as they are. */
F(script_pin_change, payhsm_script_pin_change(C, H(0), H(1), own.imk, I(0), IL(1), H(2), PAYHSM_PIN_FORMAT_0, IL(2),
                                              own.pin_tdea, PAYHSM_PIN_FORMAT_0, IL(3), OB))
F(cvv_generate, payhsm_cvv_generate(C, H(0), PAYHSM_CVV_CHIP, 0, IL(0), I(1), 3, OB))
F(cvv_verify, payhsm_cvv_verify(C, H(0), PAYHSM_CVV_CHIP, 0, IL(0), I(1), IL(2)))
F(cvc3_verify, payhsm_cvc3_verify(C, H(0), PAYHSM_MASTER_KEY_A, IL(0), 0, IL(1), I(2), 7, IL(3)))

#define ROW(name) #name, run_##name
#define LEN {VALUE, sizeof(size_t)}
#define HANDLE {VALUE, sizeof(uint32_t)}
#define INFO {VALUE, sizeof(payhsm_key_info_t)}
/* Without an alignment: all its fields are bytes. */
#define INITIAL {BYTES, sizeof(payhsm_initial_key_info_t)}
#define ATTRIBUTES {&DATA_KEY, sizeof DATA_KEY, 1}
#define BLOCKS {ZEROS, 32, 0}
#define PAN_IN {PAN, 13, 0}
#define CA_KEY {&ca_key, sizeof ca_key, 1}
#define REVOKED_IN {REVOKED, sizeof REVOKED, 0}
#define SALE_IN {&SALE, sizeof SALE, 1}
#define KCV_IN {NULL, 0, 0}

static const call_t CALLS[] = {
    {ROW(state), 0, NULL, NULL, {0}, {{0}}, {{SIZED, sizeof(payhsm_state_t)}}, 0},
    {ROW(audit_open), PAYHSM_ERR_BAD_STATE, NULL, NULL, {0}, {{0}}, {{BYTES, 8 * PAYHSM_AUDIT_RECORD_LEN}}, 0},
    {ROW(audit_status), 0, NULL, NULL, {0}, {{0}}, {{VALUE, sizeof(payhsm_audit_status_t)}}, 0},
    {ROW(audit_read), 0, log_end, NULL, {0}, {{0}}, {{BUFFER, PAYHSM_AUDIT_RECORD_LEN}, LEN, {VALUE, sizeof(uint64_t)}}, 0},
    {ROW(audit_release), PAYHSM_ERR_INVALID_ARGUMENT, NULL, NULL, {0}, {{ZEROS, sizeof(payhsm_audit_position_t), 1}},
     {{NOTHING, 0}}, 0},
    {ROW(audit_note), 0, NULL, NULL, {0}, {{ZEROS, 8, 1}, PAN_IN}, {{VALUE, sizeof(uint64_t)}}, 0},
    {ROW(audit_key_export), 0, NULL, NULL, {&own.kbpk_out}, {{0}}, {{BUFFER, 256}, LEN}, 0},
    {ROW(audit_verify), PAYHSM_ERR_VERIFICATION_FAILED, NULL, NULL, {&own.mac}, {{ZEROS, PAYHSM_AUDIT_RECORD_LEN, 0}},
     {{VALUE, sizeof(payhsm_audit_position_t)}}, 0},
    {ROW(next_event), 0, NULL, NULL, {0}, {{0}}, {{VALUE, sizeof(payhsm_event_t)}}, 0},
    {ROW(status_message), 0, NULL, NULL, {0}, {{ZEROS, 16, 1}}, {{BUFFER, PAYHSM_STATUS_MESSAGE_LEN}, LEN}, 0},
    {ROW(key_next), 0, NULL, NULL, {0}, {{0}}, {HANDLE, HANDLE, INFO}, 0},
    {ROW(key_bounds), 0, NULL, NULL, {&own.mac}, {{0}}, {{VALUE, sizeof(payhsm_key_bounds_t)}}, 0},
    {ROW(key_narrow), 0, NULL, NULL, {&own.mac}, {{&NARROWING, sizeof NARROWING, 1}}, {{NOTHING, 0}}, 0},
    {ROW(key_store), 0, NULL, NULL, {&own.mac_to}, {{0}}, {{NOTHING, 0}}, 0},
    {ROW(key_replace), PAYHSM_ERR_USAGE_NOT_PERMITTED, NULL, NULL, {&own.mac, &own.data}, {{0}}, {HANDLE}, 0},
    {ROW(session_open), 0, NULL, end_session, {0}, {{0}}, {HANDLE}, 0},
    {ROW(session_close), PAYHSM_ERR_INVALID_HANDLE, NULL, NULL, {0}, {{0}}, {{NOTHING, 0}}, 0},
    {ROW(set_date), 0, NULL, NULL, {0}, {{0}}, {{NOTHING, 0}}, 0},
    {ROW(limits_reset), PAYHSM_ERR_BAD_STATE, NULL, NULL, {0}, {{0}}, {{NOTHING, 0}}, 0},
    {ROW(backup_len), 0, NULL, NULL, {0}, {{0}}, {LEN}, 0},
    {ROW(backup_write), 0, NULL, NULL, {&own.kbpk_saved}, {{0}}, {{BUFFER, 1024}, LEN}, 0},
    {ROW(backup_restore), PAYHSM_ERR_RECORD, NULL, NULL, {&own.kbpk_saved}, {{ZEROS, 44, 0}}, {HANDLE}, 0},
    {ROW(random), 0, NULL, NULL, {0}, {{0}}, {{BYTES, 64}}, 0},
    {ROW(policy), 0, NULL, NULL, {0}, {{0}}, {HANDLE}, 0},
    {ROW(self_test), 0, NULL, NULL, {0}, {{0}}, {{SIZED, sizeof(payhsm_self_test_report_t)}}, 0},
    {ROW(self_test_step), 0, NULL, NULL, {0}, {{0}}, {HANDLE}, 0},
    {ROW(role_enrol), PAYHSM_ERR_INVALID_HANDLE, NULL, NULL, {0}, {{&ENROLMENT, sizeof ENROLMENT, 1}}, {{NOTHING, 0}}, 0},
    {ROW(role_status), PAYHSM_ERR_NO_KEY, NULL, NULL, {0}, {{0}}, {{SIZED, sizeof(payhsm_user_status_t)}}, 0},
    {ROW(login_begin), PAYHSM_ERR_NO_KEY, NULL, NULL, {0}, {{0}}, {{BYTES, PAYHSM_CHALLENGE_LEN}}, 0},
    {ROW(login_finish), PAYHSM_ERR_BAD_STATE, NULL, NULL, {0}, {{M1, PAYHSM_RESPONSE_LEN, 1}}, {HANDLE}, 0},
    {ROW(key_info), 0, NULL, NULL, {&own.data}, {{0}}, {INFO}, 0},
    {ROW(key_erase), 0, NULL, NULL, {&own.data}, {{0}}, {{NOTHING, 0}}, 0},
    {ROW(key_generate), 0, NULL, erase_key, {0}, {ATTRIBUTES}, {HANDLE, INFO}, 0},
    {ROW(component_begin), 0, no_ceremony, no_ceremony, {0}, {ATTRIBUTES, KCV_IN}, {{NOTHING, 0}}, 0},
    {ROW(component_add), 0, ceremony, no_ceremony, {0}, {{M1, 16, 0}, KCV_IN}, {{NOTHING, 0}}, 0},
    {ROW(component_finish), 0, full_ceremony, erase_key, {0}, {{0}}, {HANDLE, INFO}, 0},
    {ROW(key_import), 0, NULL, erase_key, {&own.kbpk}, {{key_block, 0, 0}}, {HANDLE, INFO}, 0},
    {ROW(key_export), 0, NULL, NULL, {&own.kbpk, &own.mac}, {{0}}, {{BUFFER, PAYHSM_KEY_BLOCK_MAX_LEN}, LEN}, 0},
    {ROW(key_import_as), 0, NULL, erase_key, {&own.kbpk}, {{key_block, 0, 0}, {&MAC_KEY, sizeof MAC_KEY, 1}},
     {HANDLE, INFO}, 0},
    {ROW(key_export_as), 0, NULL, NULL, {&own.kbpk, &own.mac}, {{&NARROWER, sizeof NARROWER, 1}, {LABEL, 8, 0}},
     {{BUFFER, PAYHSM_KEY_BLOCK_MAX_LEN}, LEN}, 0},
    {ROW(key_translate), 0, NULL, NULL, {&own.kbpk, &own.kbpk_out},
     {{key_block, 0, 0}, {&NARROWER, sizeof NARROWER, 1}, {LABEL, 8, 0}}, {{BUFFER, PAYHSM_KEY_BLOCK_MAX_LEN}, LEN}, 0},
    {ROW(key_check), PAYHSM_ERR_VERIFICATION_FAILED, NULL, NULL, {&own.mac}, {{ZEROS, 5, 0}}, {{NOTHING, 0}}, 0},
    {ROW(agreement_answer), 0, NULL, NULL, {&own.psk}, {{PAN, 4, 0}, {PAN, 5, 0}, {M1, PAYHSM_AGREEMENT_M1_LEN, 1}},
     {{BUFFER, PAYHSM_AGREEMENT_M2_LEN}, LEN}, 0},
    {ROW(agreement_finish), PAYHSM_ERR_VERIFICATION_FAILED, answered, NULL, {0},
     {{ZEROS, PAYHSM_AGREEMENT_M3_LEN, 1}}, {HANDLE, INFO}, 0},
    {ROW(working_key_import), PAYHSM_ERR_USAGE_NOT_PERMITTED, NULL, NULL, {&own.kbpk},
     {ATTRIBUTES, {ZEROS, 16, 0}, {ZEROS, 4, 0}}, {HANDLE, INFO}, 0},
    {ROW(unionpay_sign_on), PAYHSM_ERR_USAGE_NOT_PERMITTED, NULL, NULL, {&own.kbpk}, {{ZEROS, 40, 0}},
     {{VALUE, sizeof(payhsm_working_keys_t)}}, 0},
    {ROW(key_public), 0, NULL, NULL, {&own.sign}, {{0}}, {{BUFFER, PAYHSM_EC_PUBLIC_LEN}, LEN}, 0},
    {ROW(agreement_begin), 0, NULL, NULL, {&own.psk}, {{PAN, 4, 0}, {PAN, 5, 0}},
     {{BUFFER, PAYHSM_AGREEMENT_M1_LEN}, LEN}, 0},
    {ROW(agreement_confirm), PAYHSM_ERR_VERIFICATION_FAILED, begun, NULL, {0}, {{M1, PAYHSM_AGREEMENT_M2_LEN, 1}},
     {{BUFFER, PAYHSM_AGREEMENT_M3_LEN}, LEN, HANDLE, INFO}, 0},
    {ROW(agreement_begin_signed), 0, NULL, NULL, {&own.sign}, {{PAN, 4, 0}, {PAN, 5, 0}},
     {{BUFFER, PAYHSM_AGREEMENT_M1_LEN}, LEN}, 0},
    {ROW(agreement_confirm_signed), PAYHSM_ERR_VERIFICATION_FAILED, begun_signed, NULL, {0},
     {{M1, PAYHSM_EC_PUBLIC_LEN, 0}, {M1, PAYHSM_AGREEMENT_SIGNED_M2_LEN, 1}},
     {{BUFFER, PAYHSM_AGREEMENT_SIGNED_M3_LEN}, LEN, HANDLE, INFO}, 0},
    {ROW(agreement_answer_signed), 0, NULL, NULL, {&own.sign},
     {{M1, PAYHSM_EC_PUBLIC_LEN, 0}, {PAN, 4, 0}, {PAN, 5, 0}, {M1, PAYHSM_AGREEMENT_M1_LEN, 1}},
     {{BUFFER, PAYHSM_AGREEMENT_SIGNED_M2_LEN}, LEN}, 0},
    {ROW(agreement_finish_signed), PAYHSM_ERR_VERIFICATION_FAILED, answered_signed, NULL, {0},
     {{ZEROS, PAYHSM_AGREEMENT_SIGNED_M3_LEN, 1}}, {HANDLE, INFO}, 0},
    {ROW(agreement_unauthenticated_begin), 0, NULL, NULL, {0}, {{0}}, {{BUFFER, PAYHSM_EC_PUBLIC_LEN}, LEN}, 0},
    {ROW(agreement_unauthenticated_finish), PAYHSM_ERR_EC_POINT, begun_unauthenticated, NULL, {0},
     {{ZEROS, PAYHSM_EC_PUBLIC_LEN, 0}, {PAN, 5, 0}}, {HANDLE, INFO}, 0},
    {ROW(transaction_ksn), 0, NULL, NULL, {&own.transaction}, {{0}}, {{BUFFER, PAYHSM_KSN_MAX_LEN}, LEN}, 0},
    {ROW(transaction_end), 0, NULL, another_transaction, {&own.transaction}, {{0}}, {{NOTHING, 0}}, 0},
    {ROW(dukpt_load), 0, NULL, erase_group, {&own.kbpk}, {{initial_block, 0, 0}}, {HANDLE, INITIAL}, 0},
    {ROW(dukpt_update), PAYHSM_ERR_VERIFICATION_FAILED, NULL, NULL, {&own.group}, {{initial_block, 0, 0}}, {INITIAL}, 0},
    {ROW(transaction_select), 0, NULL, NULL, {&own.transaction}, {{0}}, {{NOTHING, 0}}, 0},
    {ROW(dukpt_find), 0, NULL, NULL, {0}, {{0}}, {HANDLE, INITIAL}, 0},
    {ROW(dukpt_begin), 0, NULL, NULL, {&own.group}, {{0}}, {{BUFFER, PAYHSM_KSN_MAX_LEN}, LEN, HANDLE}, 0},
    {ROW(pin_encipher), 0, NULL, NULL, {&own.pin_out}, {PAN_IN}, {{BUFFER, 16}, LEN, {PIN, sizeof PIN_1234}}, 0},
    {ROW(mac_generate), 0, NULL, NULL, {&own.mac}, {{ZEROS, 21, 0}}, {{BUFFER, 16}, LEN}, 0},
    {ROW(mac_verify), PAYHSM_ERR_VERIFICATION_FAILED, NULL, NULL, {&own.mac}, {{ZEROS, 21, 0}, {ZEROS, 16, 0}},
     {{NOTHING, 0}}, 0},
    {ROW(mac_begin), 0, NULL, NULL, {&own.mac}, {{0}}, {{NOTHING, 0}}, 0},
    {ROW(mac_update), 0, mac_making, NULL, {0}, {{ZEROS, 21, 0}}, {{NOTHING, 0}}, 0},
    {ROW(mac_abort), 0, mac_making, NULL, {0}, {{0}}, {{NOTHING, 0}}, 0},
    {ROW(mac_finish), 0, mac_making, NULL, {0}, {{0}}, {{BUFFER, 16}, LEN}, 0},
    {ROW(mac_finish_verify), PAYHSM_ERR_VERIFICATION_FAILED, mac_checking, NULL, {0}, {{ZEROS, 16, 0}},
     {{NOTHING, 0}}, 0},
    {ROW(data_encipher), 0, NULL, NULL, {&own.data}, {{ZEROS, 16, 0}, BLOCKS}, {{BUFFER, 32}, LEN}, 1},
    {ROW(data_decipher), 0, NULL, NULL, {&own.data}, {{ZEROS, 16, 0}, BLOCKS}, {{BUFFER, 32}, LEN}, 1},
    {ROW(mac_begin_sized), 0, NULL, NULL, {&own.mac}, {{0}}, {{NOTHING, 0}}, 0},
    {ROW(mac_translate), PAYHSM_ERR_VERIFICATION_FAILED, NULL, NULL, {&own.mac, &own.mac_to},
     {{ZEROS, 21, 0}, {ZEROS, 16, 0}}, {{BUFFER, 16}, LEN}, 0},
    {ROW(data_ecb_encipher), 0, NULL, NULL, {&own.data_ecb}, {{NULL, 0, 0}, BLOCKS}, {{BUFFER, 32}, LEN}, 1},
    {ROW(data_ecb_decipher), 0, NULL, NULL, {&own.data_ecb}, {{NULL, 0, 0}, BLOCKS}, {{BUFFER, 32}, LEN}, 1},
    {ROW(data_ctr), 0, NULL, NULL, {&own.data_ctr}, {{ZEROS, 16, 0}, BLOCKS}, {{BUFFER, 32}, LEN}, 1},
    {ROW(data_reencipher), 0, NULL, NULL, {&own.data, &own.data_to}, {{ZEROS, 16, 0}, BLOCKS, {ZEROS, 16, 0}},
     {{BUFFER, 32}, LEN}, 1},
    {ROW(track2_encipher), 0, NULL, NULL, {&own.track}, {{TRACK, 27, 0}}, {{BUFFER, 20}, LEN}, 0},
    {ROW(track2_decipher), PAYHSM_ERR_VERIFICATION_FAILED, NULL, NULL, {&own.track}, {{ZEROS, 14, 0}},
     {{BUFFER, 27}, LEN}, 0},
    {ROW(emv_ac_response), 0, NULL, NULL, {0}, {{CARD_ANSWER, 32, 0}}, {{VALUE, sizeof(payhsm_ac_response_t)}}, 0},
    {ROW(oda_verify), 0, NULL, NULL, {0}, {CA_KEY, REVOKED_IN, SALE_IN, {oda_records, 0, 0}, {oda_sent, 0, 0}, {oda_response, 0, 0}},
     {{VALUE, sizeof(payhsm_oda_result_t)}}, 0},
    {ROW(offline_pin_encipher), 0, NULL, NULL, {0}, {CA_KEY, REVOKED_IN, SALE_IN, {oda_records, 0, 0}, {ZEROS, 8, 1}},
     {{BUFFER, PAYHSM_OFFLINE_PIN_MAX_LEN}, LEN, {PIN, sizeof PIN_1234}}, 0},
    {ROW(offline_pin_plaintext), 0, NULL, NULL, {0}, {{0}}, {{BYTES, 8}, {NOTHING, 0}, {PIN, sizeof PIN_1234}}, 0},
    {ROW(dukpt_derive), 0, NULL, end_transaction, {&own.bdk}, {{KSN, 12, 0}}, {HANDLE}, 0},
    {ROW(dukpt_export_initial_key), 0, NULL, NULL, {&own.bdk, &own.kbpk}, {{ID, 8, 0}},
     {{BUFFER, 256}, LEN, {BYTES, PAYHSM_KCV_MAX_LEN}}, 0},
    {ROW(dukpt_export_update), 0, NULL, NULL, {&own.bdk, &own.bdk}, {{ID, 8, 0}, {OTHER_ID, 8, 0}},
     {{BUFFER, 256}, LEN, {BYTES, PAYHSM_KCV_MAX_LEN}}, 0},
    {ROW(ct_eq), 0, NULL, NULL, {0}, {{ZEROS, 16, 1}, {ZEROS, 16, 1}}, {{NOTHING, 0}}, 0},
    {ROW(pan_check), 0, NULL, NULL, {0}, {PAN_IN}, {{NOTHING, 0}}, 0},
    {ROW(pan_mask), 0, NULL, NULL, {0}, {PAN_IN}, {{BYTES, PAYHSM_PAN_MAX_LEN}}, 0},
    {ROW(ksn_split), 0, NULL, NULL, {0}, {{KSN, 12, 0}}, {{VALUE, sizeof(payhsm_ksn_fields_t)}}, 0},
    {ROW(replay_new), 0, NULL, NULL, {0}, {{ID, 8, 0}}, {{BYTES, PAYHSM_REPLAY_WINDOW_LEN}}, 0},
    {ROW(replay_check), 0, NULL, NULL, {0}, {{WINDOW, sizeof WINDOW, 1}, {ID, 8, 0}}, {{NOTHING, 0}}, 0},
    {ROW(replay_accept), 0, NULL, NULL, {0}, {{WINDOW, sizeof WINDOW, 1}, {ID, 8, 0}},
     {{BYTES, PAYHSM_REPLAY_WINDOW_LEN}}, 0},
    {ROW(pin_translate), PAYHSM_ERR_VERIFICATION_FAILED, NULL, NULL, {&own.pin_in, &own.pin_out},
     {PAN_IN, {ZEROS, 16, 0}}, {{BUFFER, 16}, LEN}, 0},
    {ROW(pin_translate_pans), PAYHSM_ERR_VERIFICATION_FAILED, NULL, NULL, {&own.pin_in, &own.pin_out},
     {PAN_IN, {ZEROS, 16, 0}, PAN_IN}, {{BUFFER, 16}, LEN}, 0},
    {ROW(pin_verify_pvv), PAYHSM_ERR_VERIFICATION_FAILED, NULL, NULL, {&own.pin_in, &own.pvk},
     {PAN_IN, {ZEROS, 16, 0}, {PVV, 4, 1}}, {{NOTHING, 0}}, 0},
    {ROW(pin_profile_register), 0, NULL, NULL, {0}, {{&PROFILE, sizeof PROFILE, 1}}, {HANDLE}, 0},
    {ROW(pin_verify_3624), PAYHSM_ERR_VERIFICATION_FAILED, NULL, NULL, {&own.pin_in, &own.pvk_3624},
     {PAN_IN, {ZEROS, 16, 0}, {PVV, 4, 0}}, {{NOTHING, 0}}, 0},
    {ROW(pvv_generate), PAYHSM_ERR_VERIFICATION_FAILED, NULL, NULL, {&own.pin_in, &own.pvk},
     {PAN_IN, {ZEROS, 16, 0}}, {{BYTES, 4}}, 0},
    {ROW(pin_offset_generate), PAYHSM_ERR_VERIFICATION_FAILED, NULL, NULL, {&own.pin_in, &own.pvk_3624},
     {PAN_IN, {ZEROS, 16, 0}}, {{BUFFER, PAYHSM_OFFSET_MAX_LEN}, LEN}, 0},
    {ROW(pin_generate_pvv), 0, NULL, NULL, {&own.pin_out, &own.pvk}, {PAN_IN}, {{BUFFER, 16}, LEN, {BYTES, 4}}, 0},
    {ROW(pin_generate_3624), 0, NULL, NULL, {&own.pin_out, &own.pvk_3624}, {PAN_IN},
     {{BUFFER, 16}, LEN, {BYTES, PAYHSM_OFFSET_MAX_LEN}}, 0},
    {ROW(pin_derive_3624), 0, NULL, NULL, {&own.pin_out, &own.pvk_3624}, {PAN_IN, {PVV, 4, 0}}, {{BUFFER, 16}, LEN}, 0},
    {ROW(pin_change_pvv), PAYHSM_ERR_VERIFICATION_FAILED, NULL, NULL, {&own.pin_in, &own.pin_in, &own.pvk},
     {PAN_IN, {ZEROS, 16, 0}, {ZEROS, 16, 0}, {PVV, 4, 1}}, {{BYTES, 4}}, 0},
    {ROW(pin_change_3624), PAYHSM_ERR_VERIFICATION_FAILED, NULL, NULL, {&own.pin_in, &own.pin_in, &own.pvk_3624},
     {PAN_IN, {ZEROS, 16, 0}, {ZEROS, 16, 0}, {PVV, 4, 0}}, {{BUFFER, PAYHSM_OFFSET_MAX_LEN}, LEN}, 0},
    {ROW(batch_pin_verify_pvv), 0, NULL, NULL, {NULL}, {{PIN_JOBS, sizeof PIN_JOBS, 1}}, {{NOTHING, 0}}, 0},
    {ROW(batch_pin_translate), 0, NULL, NULL, {NULL}, {{TRANSLATE_JOBS, sizeof TRANSLATE_JOBS, 1}},
     {{VALUE, 2 * sizeof(payhsm_batch_pin_block_t)}}, 0},
    {ROW(batch_arqc_verify), 0, NULL, NULL, {NULL}, {{ARQC_JOBS, sizeof ARQC_JOBS, 1}},
     {{VALUE, 2 * sizeof(payhsm_batch_issuer_auth_t)}}, 0},
    {ROW(batch_mac_verify), 0, NULL, NULL, {NULL}, {{MAC_JOBS, sizeof MAC_JOBS, 1}, {ZEROS, 9, 0}}, {{NOTHING, 0}}, 0},
    {ROW(batch_cvv_verify), 0, NULL, NULL, {NULL}, {{CVV_JOBS, sizeof CVV_JOBS, 1}}, {{NOTHING, 0}}, 0},
    {ROW(batch_key_import), 0, NULL, NULL, {NULL}, {{IMPORT_JOBS, sizeof IMPORT_JOBS, 1}, {ZEROS, 9, 0}},
     {{VALUE, 2 * sizeof(payhsm_batch_key_t)}}, 0},
    {ROW(arqc_verify), PAYHSM_ERR_VERIFICATION_FAILED, NULL, NULL, {&own.imk},
     {PAN_IN, {FIELD55, sizeof FIELD55, 0}, {ZEROS, 4, 0}}, {{BUFFER, PAYHSM_ISSUER_AUTH_MAX_LEN}, LEN}, 0},
    {ROW(arqc_verify_raw), PAYHSM_ERR_VERIFICATION_FAILED, NULL, NULL, {&own.imk},
     {{&RAW, sizeof RAW, 1}, PAN_IN, {ZEROS, 37, 0}, {ZEROS, 4, 0}}, {{BUFFER, PAYHSM_ISSUER_AUTH_MAX_LEN}, LEN}, 0},
    {ROW(arqc_explain), 0, NULL, NULL, {&own.imk}, {PAN_IN, {FIELD55, sizeof FIELD55, 0}},
     {{BUFFER, PAYHSM_EXPLANATION_MAX_LEN}, LEN}, 0},
    {ROW(script_command), 0, NULL, NULL, {&own.imk_smi}, {{&SCRIPT, sizeof SCRIPT, 1}, PAN_IN, {ZEROS, 9, 0}},
     {{BUFFER, 29}, LEN}, 0},
    {ROW(script_pin_change), PAYHSM_ERR_VERIFICATION_FAILED, NULL, NULL, {&own.imk_smi, &own.imk_smc, &own.pin_tdea},
     {{&SCRIPT, sizeof SCRIPT, 1}, PAN_IN, {ZEROS, 8, 0}, {ZEROS, 8, 0}}, {{BUFFER, PAYHSM_PIN_CHANGE_MAX_LEN}, LEN}, 0},
    {ROW(cvv_generate), 0, NULL, NULL, {&own.cvk}, {PAN_IN, {EXPIRY, 4, 1}}, {{BUFFER, PAYHSM_CARD_VALUE_MAX_LEN}, LEN}, 0},
    {ROW(cvv_verify), PAYHSM_ERR_VERIFICATION_FAILED, NULL, NULL, {&own.cvk},
     {PAN_IN, {EXPIRY, 4, 1}, {DIGITS, 5, 0}}, {{NOTHING, 0}}, 0},
    {ROW(cvc3_verify), PAYHSM_ERR_VERIFICATION_FAILED, NULL, NULL, {&own.imk_dn},
     {PAN_IN, {ZEROS, 19, 0}, {ZEROS, PAYHSM_UN_LEN, 1}, {DIGITS, 5, 0}}, {{NOTHING, 0}}, 0},
    {ROW(dukpt_erase), 0, NULL, NULL, {&own.group}, {{0}}, {{NOTHING, 0}}, 0},
};
enum { CALL_COUNT = sizeof CALLS / sizeof *CALLS };

#endif
