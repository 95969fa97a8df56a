/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a caller may get wrong, and the status that says so. Every buffer ends before a page that cannot be touched. */
#include "check.h"
#include "device.h"
#include "oda_card.h"

#include <stdlib.h>

/* Numbers that have the form of handles, and name nothing. */
enum { NO_KEY = 0x10000000, NO_GROUP = 0x20000000, NO_TRANSACTION = 0x30000000 };

static const uint8_t PAN[] = "4012345678909";

/* Outputs of one call: filled with rubbish before, and inspected after it. */
static struct {
    uint8_t *bytes; /* 256 */
    size_t *len;
    uint32_t *handle;
    payhsm_key_info_t *info;
    payhsm_initial_key_info_t *initial;
    payhsm_state_t *state;
    uint8_t *kcv;
    payhsm_pin_t *pin;
    payhsm_working_keys_t *keys;
} out;

static void outputs_make(void)
{
    out.bytes = guarded(256, 0xAA);
    out.len = guarded(sizeof *out.len, 0xAA);
    out.handle = guarded(sizeof *out.handle, 0xAA);
    out.info = guarded(sizeof *out.info, 0xAA);
    out.initial = guarded(sizeof *out.initial, 0xAA);
    out.state = guarded(sizeof *out.state, 0xAA);
    out.kcv = guarded(PAYHSM_KCV_MAX_LEN, 0xAA);
    out.pin = guarded(sizeof *out.pin, 0xAA);
    out.keys = guarded(sizeof *out.keys, 0xAA);
}

static void outputs_spoil(void)
{
    memset(out.bytes, 0xAA, 256);
    memset(out.len, 0xAA, sizeof *out.len);
    memset(out.handle, 0xAA, sizeof *out.handle);
    memset(out.info, 0xAA, sizeof *out.info);
    memset(out.initial, 0xAA, sizeof *out.initial);
    memset(out.kcv, 0xAA, PAYHSM_KCV_MAX_LEN);
    memset(out.keys, 0xAA, sizeof *out.keys);
    memcpy(out.pin, &(payhsm_pin_t){4, {1, 2, 3, 4}}, sizeof *out.pin);
}

enum { BYTES = 1, HANDLE = 2, INFO = 4, INITIAL = 8, KCV = 16, PIN = 32, KEYS = 64 };

/* A refused call has wiped what it would have filled; the PIN in every case. */
static void refused(payhsm_status_t status, payhsm_status_t expected, unsigned outputs, int wiped, const char *name,
                    int line)
{
    check_status(status, expected, name, __FILE__, line);
    if (wiped) {
        if (outputs & BYTES) {
            CHECK(*out.len == 0 && all_zero(out.bytes, 256));
        }
        CHECK(!(outputs & HANDLE) || *out.handle == 0);
        CHECK(!(outputs & INFO) || all_zero(out.info, sizeof *out.info));
        CHECK(!(outputs & INITIAL) || all_zero(out.initial, sizeof *out.initial));
        CHECK(!(outputs & KEYS) || all_zero(out.keys, sizeof *out.keys));
        CHECK(!(outputs & KCV) || all_zero(out.kcv, PAYHSM_KCV_MAX_LEN));
    }
    CHECK(!(outputs & PIN) || all_zero(out.pin, sizeof *out.pin));
}

#define REFUSED(call, outputs)                                            \
    do {                                                                  \
        outputs_spoil();                                                  \
        calls++;                                                          \
        refused((call), expected, (outputs), wiped, #call, __LINE__);     \
    } while (0)

static const payhsm_batch_pin_verify_t pin_job;
static const payhsm_batch_pin_translate_t translate_job;
static const payhsm_batch_arqc_verify_t arqc_job;
static const payhsm_batch_mac_verify_t mac_job;
static const payhsm_batch_cvv_verify_t cvv_job;
static const payhsm_batch_key_import_t import_job;
static payhsm_batch_key_t job_key;
static payhsm_batch_pin_block_t job_block;
static payhsm_batch_issuer_auth_t job_answer;
static payhsm_status_t job_status;

/*
 * Every command with arguments of the right form, on a context that must refuse all of them with one status. Only a
 * context that is none, or is busy, is refused before the outputs are looked at.
 */
static void all_commands(payhsm_ctx_t *ctx, payhsm_status_t expected, int wiped, int loading)
{
    static const payhsm_key_attributes_t attributes = {{'D', '0'}, 'A', 'B', {'0', '0'}, 'N', 0};
    static const uint8_t zeros[256];
    static const payhsm_pin_profile_t profile = {
        sizeof(payhsm_pin_profile_t),
    {'0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '0', '1', '2', '3', '4', '5'}, 0, 12, 15, 13, 4, 4, {0, 0}};
    static const payhsm_narrowing_t narrowing = {sizeof(payhsm_narrowing_t), 0, 0, 0, 0, 0, 0, 0, 0};
    static const payhsm_export_t asked = {sizeof(payhsm_export_t), 0, 0, 0, 0, 0};
    const uint8_t *block = (const uint8_t *)"D0112P0AE00E0000B82679114F470F540165EDFBF7E250FC"
                                            "EA43F810D215F8D207E2E417C07156A27E8E31DA05F7425509593D03A457DC34";
    static const payhsm_script_target_t target = {
        sizeof(payhsm_script_target_t), PAYHSM_SCHEME_MASTERCARD, 0x10, 0, 1, 0, {1}};
    static const payhsm_raw_cryptogram_t raw = {
        sizeof(payhsm_raw_cryptogram_t), 1, 1, 1, 1, 1, 0, 1, PAYHSM_CRYPTOGRAM_ARQC, {0}, {0}};
    static uint64_t explanation[PAYHSM_EXPLANATION_MAX_LEN / sizeof(uint64_t)];
    uint8_t *b = out.bytes;
    unsigned calls = 0;

    REFUSED(payhsm_random(ctx, b, 256) + (*out.len = 0, 0), wiped ? BYTES : 0);
    REFUSED(payhsm_key_info(ctx, NO_KEY, out.info), INFO);
    REFUSED(payhsm_key_narrow(ctx, NO_KEY, &narrowing), 0);
    REFUSED(payhsm_key_store(ctx, NO_KEY), 0);
    REFUSED(payhsm_key_replace(ctx, NO_KEY, NO_KEY + 1, out.handle), HANDLE);
    REFUSED(payhsm_session_open(ctx, 7, out.handle), HANDLE);
    REFUSED(payhsm_session_close(ctx, 1), 0);
    REFUSED(payhsm_set_date(ctx, 20261231), 0);
    REFUSED(payhsm_limits_reset(ctx), 0);
    REFUSED(payhsm_audit_key_export(ctx, NO_KEY, b, 256, out.len), BYTES);
    REFUSED(payhsm_backup_write(ctx, NO_KEY, b, 256, out.len), BYTES);
    REFUSED(payhsm_backup_restore(ctx, NO_KEY, zeros, 44, out.handle), HANDLE);
    REFUSED(payhsm_key_erase(ctx, NO_KEY), 0);
    REFUSED(payhsm_key_generate(ctx, &attributes, 16, out.handle, out.info), HANDLE | INFO);
    REFUSED(payhsm_component_begin(ctx, &attributes, 16, 2, NULL, 0), 0);
    if (!loading) {
        REFUSED(payhsm_component_add(ctx, 1, zeros + 1, 16, NULL, 0), 0);
        REFUSED(payhsm_component_finish(ctx, out.handle, out.info), HANDLE | INFO);
        REFUSED(payhsm_component_abort(ctx), 0);
    }
    REFUSED(payhsm_key_import(ctx, NO_KEY, PAYHSM_PROFILE_TR31_2018, block, 112, out.handle, out.info), HANDLE | INFO);
    REFUSED(payhsm_key_export(ctx, NO_KEY, NO_KEY + 1, b, 256, out.len), BYTES);
    REFUSED(payhsm_key_import_as(ctx, NO_KEY, PAYHSM_PROFILE_TR31_2018, block, 112, &attributes, out.handle, out.info),
            HANDLE | INFO);
    REFUSED(payhsm_key_export_as(ctx, NO_KEY, NO_KEY + 1, &asked, NULL, 0, b, 256, out.len), BYTES);
    REFUSED(payhsm_key_translate(ctx, NO_KEY, PAYHSM_PROFILE_TR31_2018, block, 112, NO_KEY + 1, &asked, NULL, 0, b, 256,
                                 out.len),
            BYTES);
    REFUSED(payhsm_key_check(ctx, NO_KEY, PAYHSM_CHECK_CMAC, zeros, 5), 0);
    REFUSED(payhsm_agreement_answer(ctx, NO_KEY, PAN, 4, PAN, 5, 16, zeros, b, 256, out.len), BYTES);
    REFUSED(payhsm_agreement_finish(ctx, zeros, out.handle, out.info), HANDLE | INFO);
    REFUSED(payhsm_working_key_import(ctx, NO_KEY, &attributes, zeros, 16, zeros, 4, out.handle, out.info), HANDLE | INFO);
    REFUSED(payhsm_unionpay_sign_on(ctx, NO_KEY, PAYHSM_SIGN_ON_DOUBLE, zeros, 40, out.keys), KEYS);
    REFUSED(payhsm_key_public(ctx, NO_KEY, b, 256, out.len), BYTES);
    REFUSED(payhsm_agreement_begin(ctx, NO_KEY, PAN, 4, PAN, 5, 16, b, 256, out.len), BYTES);
    REFUSED(payhsm_agreement_confirm(ctx, zeros, out.handle, out.info, b, 256, out.len), HANDLE | INFO | BYTES);
    REFUSED(payhsm_agreement_begin_signed(ctx, NO_KEY, PAN, 4, PAN, 5, 16, b, 256, out.len), BYTES);
    REFUSED(payhsm_agreement_confirm_signed(ctx, zeros, 65, zeros, out.handle, out.info, b, 256, out.len),
            HANDLE | INFO | BYTES);
    REFUSED(payhsm_agreement_answer_signed(ctx, NO_KEY, zeros, 65, PAN, 4, PAN, 5, 16, zeros, b, 256, out.len), BYTES);
    REFUSED(payhsm_agreement_finish_signed(ctx, zeros, out.handle, out.info), HANDLE | INFO);
    REFUSED(payhsm_agreement_unauthenticated_begin(ctx, b, 256, out.len), BYTES);
    REFUSED(payhsm_agreement_unauthenticated_finish(ctx, zeros, 65, PAYHSM_KDF_X963_SHA256, zeros, 9, 16, 'D', out.handle,
                                                    out.info),
            HANDLE | INFO);
    REFUSED(payhsm_dukpt_load(ctx, NO_KEY, PAYHSM_PROFILE_TR31_2018, block, 112, out.handle, out.initial), HANDLE | INITIAL);
    REFUSED(payhsm_dukpt_find(ctx, 0, out.handle, out.initial), HANDLE | INITIAL);
    REFUSED(payhsm_dukpt_begin(ctx, NO_GROUP, out.handle, b, 256, out.len), HANDLE | BYTES);
    REFUSED(payhsm_dukpt_update(ctx, NO_GROUP, PAYHSM_PROFILE_TR31_2018, block, 112, out.initial), INITIAL);
    REFUSED(payhsm_dukpt_erase(ctx, NO_GROUP), 0);
    REFUSED(payhsm_transaction_select(ctx, NO_GROUP ^ 0x10000000, PAYHSM_WORKING_PIN, PAYHSM_KEY_TYPE_TDES2), 0);
    REFUSED(payhsm_transaction_ksn(ctx, NO_TRANSACTION, b, 256, out.len), BYTES);
    REFUSED(payhsm_transaction_end(ctx, NO_TRANSACTION), 0);
    REFUSED(payhsm_pin_encipher(ctx, NO_KEY, 0, PAN, 13, out.pin, b, 256, out.len), BYTES | PIN);
    REFUSED(payhsm_mac_generate(ctx, NO_KEY, PAYHSM_MAC_CMAC, zeros, 9, 8, b, 256, out.len), BYTES);
    REFUSED(payhsm_mac_verify(ctx, NO_KEY, PAYHSM_MAC_CMAC, zeros, 9, zeros, 8), 0);
    REFUSED(payhsm_mac_begin(ctx, NO_KEY, PAYHSM_MAC_CMAC, PAYHSM_MAC_VERIFY), 0);
    REFUSED(payhsm_mac_update(ctx, zeros, 9), 0);
    REFUSED(payhsm_mac_finish(ctx, 8, b, 256, out.len), BYTES);
    REFUSED(payhsm_mac_finish_verify(ctx, zeros, 8), 0);
    REFUSED(payhsm_data_encipher(ctx, NO_KEY, zeros, 16, zeros, 32, b, 256, out.len), BYTES);
    REFUSED(payhsm_data_decipher(ctx, NO_KEY, zeros, 16, zeros, 32, b, 256, out.len), BYTES);
    REFUSED(payhsm_dukpt_derive(ctx, NO_KEY, zeros, 12, out.handle), HANDLE);
    REFUSED(payhsm_dukpt_export_initial_key(ctx, NO_KEY, zeros, 8, NO_KEY, b, 256, out.len, out.kcv), BYTES | KCV);
    REFUSED(payhsm_dukpt_export_update(ctx, NO_KEY, zeros, 8, NO_KEY, zeros, 8, b, 256, out.len, out.kcv), BYTES | KCV);
    REFUSED(payhsm_pin_translate(ctx, NO_KEY, 4, PAN, 13, zeros, 16, NO_KEY, 4, b, 256, out.len), BYTES);
    REFUSED(payhsm_pin_translate_pans(ctx, NO_KEY, 4, PAN, 13, zeros, 16, NO_KEY, 4, PAN, 13, b, 256, out.len), BYTES);
    REFUSED(payhsm_pin_verify_pvv(ctx, NO_KEY, 0, PAN, 13, zeros, 8, NO_KEY, 1, PAN), 0);
    REFUSED(payhsm_batch_pin_verify_pvv(ctx, &pin_job, 1, &job_status), 0);
    REFUSED(payhsm_batch_pin_translate(ctx, &translate_job, 1, &job_block, &job_status), 0);
    REFUSED(payhsm_batch_arqc_verify(ctx, &arqc_job, 1, &job_answer, &job_status), 0);
    REFUSED(payhsm_batch_mac_verify(ctx, &mac_job, 1, zeros, 9, &job_status), 0);
    REFUSED(payhsm_batch_cvv_verify(ctx, &cvv_job, 1, &job_status), 0);
    REFUSED(payhsm_batch_key_import(ctx, &import_job, 1, zeros, 9, &job_key, &job_status), 0);
    REFUSED(payhsm_pin_profile_register(ctx, &profile, out.handle), HANDLE);
    REFUSED(payhsm_pin_verify_3624(ctx, NO_KEY, 0, PAN, 13, zeros, 8, NO_KEY, 1, PAN, 4), 0);
    REFUSED(payhsm_pvv_generate(ctx, NO_KEY, 0, PAN, 13, zeros, 8, NO_KEY, 1, out.kcv) + (out.kcv[4] = 0, 0), wiped ? KCV : 0);
    REFUSED(payhsm_pin_offset_generate(ctx, NO_KEY, 0, PAN, 13, zeros, 8, NO_KEY, 1, b, 256, out.len), BYTES);
    REFUSED(payhsm_pin_generate_pvv(ctx, NO_KEY, NO_KEY, 4, 0, 1, PAN, 13, b, 256, out.len, out.kcv) + (out.kcv[4] = 0, 0),
            BYTES | (wiped ? KCV : 0));
    REFUSED(payhsm_pin_generate_3624(ctx, NO_KEY, NO_KEY, 0, 1, PAN, 13, b, 244, out.len, b + 244), BYTES);
    REFUSED(payhsm_pin_derive_3624(ctx, NO_KEY, NO_KEY, 0, 1, PAN, 13, PAN, 4, b, 256, out.len), BYTES);
    REFUSED(payhsm_pin_change_pvv(ctx, NO_KEY, NO_KEY, NO_KEY, 0, 0, 1, PAN, 13, zeros, 8, zeros, 8, PAN, out.kcv) +
                (out.kcv[4] = 0, 0),
            wiped ? KCV : 0);
    REFUSED(payhsm_pin_change_3624(ctx, NO_KEY, NO_KEY, NO_KEY, 0, 0, 1, PAN, 13, zeros, 8, zeros, 8, PAN, 4, b, 256, out.len),
            BYTES);
    REFUSED(payhsm_arqc_verify(ctx, NO_KEY, PAYHSM_SCHEME_VISA, 18, PAN, 13, 0, zeros, 9, NULL, 0, b, 256, out.len), BYTES);
    REFUSED(payhsm_arqc_verify_raw(ctx, NO_KEY, &raw, PAN, 13, zeros, 9, NULL, 0, b, 256, out.len), BYTES);
    REFUSED(payhsm_arqc_explain(ctx, NO_KEY, PAYHSM_SCHEME_VISA, 18, PAN, 13, 0, zeros, 9, (uint8_t *)explanation,
                                sizeof explanation, out.len), 0);
    REFUSED(payhsm_script_command(ctx, NO_KEY, 0, &target, PAN, 13, PAYHSM_SCRIPT_CARD_BLOCK, 0, NULL, 0, b, 256, out.len), BYTES);
    REFUSED(payhsm_script_pin_change(ctx, NO_KEY, NO_KEY, 0, &target, PAN, 13, NO_KEY, 0, zeros, 8, 0, 0, NULL, 0, b, 256, out.len),
            BYTES);
    REFUSED(payhsm_cvv_generate(ctx, NO_KEY, PAYHSM_CVV_CHIP, 0, PAN, 13, PAN, 3, b, 256, out.len), BYTES);
    REFUSED(payhsm_cvv_verify(ctx, NO_KEY, PAYHSM_CVV_CHIP, 0, PAN, 13, PAN, PAN, 3), 0);
    REFUSED(payhsm_cvc3_verify(ctx, NO_KEY, PAYHSM_MASTER_KEY_A, PAN, 13, 0, zeros, 19, zeros, 1, PAN, 5), 0);
    REFUSED(payhsm_mac_begin_sized(ctx, NO_KEY, PAYHSM_MAC_ALG3_PAD3, PAYHSM_MAC_VERIFY, 9), 0);
    REFUSED(payhsm_mac_translate(ctx, NO_KEY, PAYHSM_MAC_CMAC, zeros, 9, zeros, 8, NO_KEY + 1, PAYHSM_MAC_CMAC, 8, b, 256,
                                 out.len), BYTES);
    REFUSED(payhsm_data_ecb_encipher(ctx, NO_KEY, zeros, 32, b, 256, out.len), BYTES);
    REFUSED(payhsm_data_ecb_decipher(ctx, NO_KEY, zeros, 32, b, 256, out.len), BYTES);
    REFUSED(payhsm_data_ctr(ctx, NO_KEY, zeros, 16, zeros, 32, b, 256, out.len), BYTES);
    REFUSED(payhsm_data_reencipher(ctx, NO_KEY, zeros, 16, zeros, 32, NO_KEY + 1, zeros, 16, b, 256, out.len), BYTES);
    REFUSED(payhsm_track2_encipher(ctx, NO_KEY, PAN, 13, b, 256, out.len), BYTES);
    REFUSED(payhsm_track2_decipher(ctx, NO_KEY, zeros, 14, 27, b, 256, out.len), BYTES);
    CHECK(calls == (loading ? 88u : 91u));
}

static void contexts(device_t *device)
{
    payhsm_ctx_t *ctx = device->ctx;
    uint64_t *rubbish = guarded(PAYHSM_CTX_SIZE(1, 0), 0xA5);

    all_commands(NULL, PAYHSM_ERR_NULL_POINTER, 0, 0);
    CHECK_STATUS(payhsm_state(NULL, out.state), PAYHSM_ERR_NULL_POINTER);
    CHECK_STATUS(payhsm_tamper(NULL), PAYHSM_ERR_NULL_POINTER);
    CHECK_STATUS(payhsm_close(NULL), PAYHSM_ERR_NULL_POINTER);

    ctx = (payhsm_ctx_t *)(void *)((char *)ctx + 1);
    all_commands(ctx, PAYHSM_ERR_MISALIGNED, 0, 0);
    CHECK_STATUS(payhsm_close(ctx), PAYHSM_ERR_MISALIGNED);
    CHECK_STATUS(payhsm_tamper(ctx), PAYHSM_ERR_MISALIGNED);

    all_commands((payhsm_ctx_t *)(void *)rubbish, PAYHSM_ERR_BAD_STATE, 0, 0);
    CHECK_STATUS(payhsm_close((payhsm_ctx_t *)(void *)rubbish), PAYHSM_ERR_BAD_STATE);
    CHECK_STATUS(payhsm_tamper((payhsm_ctx_t *)(void *)rubbish), PAYHSM_ERR_BAD_STATE);
    memset(rubbish, 0, PAYHSM_CTX_SIZE(1, 0));
    all_commands((payhsm_ctx_t *)(void *)rubbish, PAYHSM_ERR_BAD_STATE, 0, 0);
}

static unsigned visits;

/* Comes in again from every callback. */
static void come_in(device_t *device)
{
    if (device->ctx == NULL) {
        return; /* during payhsm_init there is nothing to come into */
    }
    device->visit = NULL;
    visits++;
    all_commands(device->ctx, PAYHSM_ERR_BAD_STATE, 0, 0);
    CHECK_STATUS(payhsm_state(device->ctx, out.state), PAYHSM_ERR_BAD_STATE);
    CHECK_STATUS(payhsm_close(device->ctx), PAYHSM_ERR_BAD_STATE);
}

static void tamper_from_within(device_t *device)
{
    device->visit = NULL;
    CHECK_STATUS(payhsm_tamper(device->ctx), PAYHSM_ERR_BAD_STATE);
}

static void life(device_t *device)
{
    static const payhsm_key_attributes_t attributes = {{'D', '0'}, 'A', 'B', {'0', '0'}, 'N', 0};
    static const uint8_t component[16] = {1};
    payhsm_key_info_t info;
    uint32_t key, other;

    /* An open ceremony: nothing else runs. */
    CHECK_OK(payhsm_component_begin(device->ctx, &attributes, 16, 2, NULL, 0));
    all_commands(device->ctx, PAYHSM_ERR_BAD_STATE, 1, 1);
    out.state->size = sizeof *out.state;
    CHECK_OK(payhsm_state(device->ctx, out.state));
    CHECK(out.state->size == sizeof *out.state && out.state->state == PAYHSM_STATE_LOADING && out.state->slots == DEVICE_SLOTS && out.state->groups == DEVICE_GROUPS);
    CHECK_OK(payhsm_component_add(device->ctx, 1, component, 16, NULL, 0));
    CHECK_STATUS(payhsm_component_add(device->ctx, 1, component, 16, NULL, 0), PAYHSM_ERR_COMPONENT);
    CHECK_STATUS(payhsm_component_finish(device->ctx, &key, &info), PAYHSM_ERR_BAD_STATE);
    CHECK_OK(payhsm_component_abort(device->ctx));

    /* Nobody agrees to a ceremony. */
    device->decide_answer = 1;
    CHECK_STATUS(payhsm_component_begin(device->ctx, &attributes, 16, 2, NULL, 0), PAYHSM_ERR_REFUSED);
    CHECK(device->asked == PAYHSM_ASK_CEREMONY);
    device->decide_answer = 0;

    /* Callbacks that come in again: from a decision and from the entropy source. */
    visits = 0;
    device->visit = come_in;
    CHECK_OK(payhsm_component_begin(device->ctx, &attributes, 16, 2, NULL, 0));
    CHECK_OK(payhsm_component_abort(device->ctx));
    device->visit = come_in;
    CHECK_OK(payhsm_key_generate(device->ctx, &attributes, 16, &key, &info));
    CHECK(visits == 2 && device->visit == NULL);

    /* An entropy source that fails: no key. */
    device->entropy_answer = 1;
    outputs_spoil();
    CHECK_STATUS(payhsm_key_generate(device->ctx, &attributes, 16, out.handle, out.info), PAYHSM_ERR_ENTROPY);
    CHECK(*out.handle == 0 && all_zero(out.info, sizeof *out.info));
    CHECK_STATUS(payhsm_random(device->ctx, out.bytes, 256), PAYHSM_ERR_ENTROPY);
    CHECK(all_zero(out.bytes, 256));
    device->entropy_answer = 0;

    /* A stale handle: the place has a new key, the old handle names nothing. */
    CHECK_OK(payhsm_key_erase(device->ctx, key));
    CHECK_OK(payhsm_key_generate(device->ctx, &attributes, 16, &other, &info));
    CHECK(other != key && (other ^ key) >> 20 == 0);
    CHECK_STATUS(payhsm_key_info(device->ctx, key, &info), PAYHSM_ERR_INVALID_HANDLE);
    CHECK_STATUS(payhsm_key_erase(device->ctx, key), PAYHSM_ERR_INVALID_HANDLE);
    CHECK_OK(payhsm_key_info(device->ctx, other, &info));
    /* Handles of another kind, and none. */
    CHECK_STATUS(payhsm_key_info(device->ctx, 0, &info), PAYHSM_ERR_INVALID_HANDLE);
    CHECK_STATUS(payhsm_key_info(device->ctx, other ^ 0x30000000, &info), PAYHSM_ERR_INVALID_HANDLE);
    CHECK_STATUS(payhsm_key_info(device->ctx, UINT32_MAX, &info), PAYHSM_ERR_INVALID_HANDLE);
}

static void buffers(device_t *device)
{
    payhsm_ctx_t *ctx = device->ctx;
    static const payhsm_key_attributes_t attributes = {{'D', '0'}, 'A', 'B', {'0', '0'}, 'N', 0};
    payhsm_key_attributes_t wrong;
    payhsm_key_info_t info;
    uint8_t *iv = guarded(16, 7), *data = guarded(64, 9);
    uint32_t key, mac_key;
    size_t len;

    CHECK_OK(payhsm_key_generate(ctx, &attributes, 32, &key, &info));
    memcpy(&wrong, &attributes, sizeof wrong);
    memcpy(wrong.usage, "M6", 2);
    wrong.mode = 'C';
    CHECK_OK(payhsm_key_generate(ctx, &wrong, 16, &mac_key, &info));

    /* NULL with a length, NULL for an output. */
    outputs_spoil();
    CHECK_STATUS(payhsm_data_encipher(ctx, key, NULL, 16, data, 32, out.bytes, 256, out.len), PAYHSM_ERR_NULL_POINTER);
    CHECK(*out.len == 0 && all_zero(out.bytes, 256));
    CHECK_STATUS(payhsm_data_encipher(ctx, key, iv, 16, NULL, 32, out.bytes, 256, out.len), PAYHSM_ERR_NULL_POINTER);
    CHECK_STATUS(payhsm_data_encipher(ctx, key, iv, 16, data, 32, NULL, 256, out.len), PAYHSM_ERR_NULL_POINTER);
    outputs_spoil();
    CHECK_STATUS(payhsm_data_encipher(ctx, key, iv, 16, data, 32, out.bytes, 256, NULL), PAYHSM_ERR_NULL_POINTER);
    CHECK_STATUS(payhsm_mac_generate(ctx, mac_key, PAYHSM_MAC_CMAC, NULL, 1, 8, out.bytes, 256, out.len),
                 PAYHSM_ERR_NULL_POINTER);
    outputs_spoil();
    CHECK_STATUS(payhsm_mac_generate(ctx, mac_key, PAYHSM_MAC_CMAC, data, 1, 8, out.bytes, 256, NULL),
                 PAYHSM_ERR_NULL_POINTER);
    CHECK(all_zero(out.bytes, 256));
    CHECK_STATUS(payhsm_key_info(ctx, key, NULL), PAYHSM_ERR_NULL_POINTER);
    outputs_spoil();
    CHECK_STATUS(payhsm_key_generate(ctx, &attributes, 16, out.handle, NULL), PAYHSM_ERR_NULL_POINTER);
    CHECK(*out.handle == 0);
    outputs_spoil();
    CHECK_STATUS(payhsm_key_generate(ctx, &attributes, 16, NULL, out.info), PAYHSM_ERR_NULL_POINTER);
    CHECK(all_zero(out.info, sizeof *out.info));
    CHECK_STATUS(payhsm_key_generate(ctx, NULL, 16, out.handle, out.info), PAYHSM_ERR_NULL_POINTER);
    CHECK_STATUS(payhsm_state(ctx, NULL), PAYHSM_ERR_NULL_POINTER);
    CHECK_STATUS(payhsm_random(ctx, NULL, 1), PAYHSM_ERR_NULL_POINTER);
    CHECK_OK(payhsm_random(ctx, NULL, 0));
    CHECK_STATUS(payhsm_pin_encipher(ctx, key, 0, PAN, 13, NULL, out.bytes, 256, out.len), PAYHSM_ERR_NULL_POINTER);
    /* An empty message is a message. */
    CHECK_OK(payhsm_mac_generate(ctx, mac_key, PAYHSM_MAC_CMAC, NULL, 0, 16, out.bytes, 16, &len));
    CHECK(len == 16);

    /* A pointer of a structure that is not where its type may be. */
    CHECK_STATUS(payhsm_key_info(ctx, key, (payhsm_key_info_t *)(void *)(out.bytes + 1)), PAYHSM_ERR_MISALIGNED);
    CHECK_STATUS(payhsm_key_generate(ctx, &attributes, 16, (uint32_t *)(void *)(out.bytes + 1), &info),
                 PAYHSM_ERR_MISALIGNED);

    /* Too short, by one byte; just enough; impossible lengths. */
    outputs_spoil();
    CHECK_STATUS(payhsm_mac_generate(ctx, mac_key, PAYHSM_MAC_CMAC, data, 64, 16, out.bytes + 241, 15, out.len),
                 PAYHSM_ERR_BUFFER_TOO_SMALL);
    CHECK(*out.len == 0 && all_zero(out.bytes + 241, 15) && out.bytes[240] == 0xAA);
    CHECK_OK(payhsm_mac_generate(ctx, mac_key, PAYHSM_MAC_CMAC, data, 64, 16, out.bytes + 240, 16, out.len));
    CHECK(out.bytes[239] == 0xAA && *out.len == 16);
    CHECK_STATUS(payhsm_mac_generate(ctx, mac_key, PAYHSM_MAC_CMAC, data, 64, 17, out.bytes, 256, out.len),
                 PAYHSM_ERR_INVALID_LENGTH);
    CHECK_STATUS(payhsm_mac_generate(ctx, mac_key, PAYHSM_MAC_CMAC, data, 64, SIZE_MAX, out.bytes, 256, out.len),
                 PAYHSM_ERR_BUFFER_TOO_SMALL);
    CHECK_STATUS(payhsm_mac_verify(ctx, mac_key, PAYHSM_MAC_CMAC, data, SIZE_MAX, data, 16), PAYHSM_ERR_INVALID_LENGTH);
    CHECK_STATUS(payhsm_mac_verify(ctx, mac_key, PAYHSM_MAC_CMAC, data, 64, data, 0), PAYHSM_ERR_INVALID_LENGTH);
    CHECK_STATUS(payhsm_data_encipher(ctx, key, iv, 16, data, 64, out.bytes, 63, out.len), PAYHSM_ERR_BUFFER_TOO_SMALL);
    CHECK_STATUS(payhsm_data_encipher(ctx, key, iv, 16, data, 63, out.bytes, 256, out.len), PAYHSM_ERR_INVALID_LENGTH);
    CHECK_STATUS(payhsm_data_encipher(ctx, key, iv, 8, data, 64, out.bytes, 256, out.len), PAYHSM_ERR_INVALID_LENGTH);
    CHECK(*out.len == 0 && all_zero(out.bytes, 256));

    /* The same buffer twice: allowed. In part: refused, and nothing written. */
    memset(out.bytes, 5, 256);
    CHECK_OK(payhsm_data_encipher(ctx, key, iv, 16, out.bytes + 192, 64, out.bytes + 192, 64, out.len));
    CHECK_OK(payhsm_data_decipher(ctx, key, iv, 16, out.bytes + 192, 64, out.bytes + 192, 64, out.len));
    CHECK(*out.len == 64 && out.bytes[191] == 5 && out.bytes[192] == 5 && out.bytes[255] == 5);
    CHECK_STATUS(payhsm_data_encipher(ctx, key, iv, 16, out.bytes + 191, 64, out.bytes + 192, 64, out.len),
                 PAYHSM_ERR_OVERLAP);
    CHECK(*out.len == 64 && out.bytes[191] == 5 && out.bytes[192] == 5 && out.bytes[255] == 5);
    CHECK_STATUS(payhsm_data_decipher(ctx, key, iv, 16, out.bytes + 192, 64, out.bytes + 129, 64, out.len),
                 PAYHSM_ERR_OVERLAP);
    CHECK_OK(payhsm_data_decipher(ctx, key, iv, 16, out.bytes + 192, 64, out.bytes + 128, 64, out.len));

    /* A key does what its usage says. */
    CHECK_STATUS(payhsm_data_encipher(ctx, mac_key, iv, 16, data, 64, out.bytes, 256, out.len),
                 PAYHSM_ERR_USAGE_NOT_PERMITTED);
    CHECK_STATUS(payhsm_mac_generate(ctx, key, PAYHSM_MAC_CMAC, data, 64, 8, out.bytes, 256, out.len),
                 PAYHSM_ERR_USAGE_NOT_PERMITTED);
    CHECK_STATUS(payhsm_mac_generate(ctx, mac_key, PAYHSM_MAC_X9_19, data, 64, 8, out.bytes, 256, out.len),
                 PAYHSM_ERR_ALGORITHM_MISMATCH);
    CHECK_STATUS(payhsm_mac_generate(ctx, mac_key, 99, data, 64, 8, out.bytes, 256, out.len), PAYHSM_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(payhsm_mac_begin(ctx, mac_key, PAYHSM_MAC_CMAC, 0), PAYHSM_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(payhsm_mac_generate(ctx, mac_key, PAYHSM_MAC_CMAC, data, 64, 4, out.bytes, 256, out.len),
                 PAYHSM_ERR_INVALID_LENGTH);

    /* One mode of operation for one key, ECB by permission, a MAC for itself, lengths that nobody said. */
    outputs_spoil();
    CHECK_STATUS(payhsm_data_ctr(ctx, key, iv, 16, data, 64, out.bytes, 256, out.len), PAYHSM_ERR_USAGE_NOT_PERMITTED);
    CHECK(*out.len == 0 && all_zero(out.bytes, 256));
    CHECK_STATUS(payhsm_data_ecb_encipher(ctx, key, data, 64, out.bytes, 256, out.len), PAYHSM_ERR_USAGE_NOT_PERMITTED);
    CHECK_OK(payhsm_key_generate(ctx, &attributes, 32, out.handle, &info));
    CHECK_STATUS(payhsm_data_ecb_encipher(ctx, *out.handle, data, 64, out.bytes, 256, out.len), PAYHSM_ERR_REFUSED);
    CHECK_STATUS(payhsm_track2_encipher(ctx, *out.handle, PAN, 13, out.bytes, 256, out.len), PAYHSM_ERR_REFUSED);
    CHECK_STATUS(payhsm_data_reencipher(ctx, key, iv, 16, data, 64, key, iv, 16, out.bytes, 256, out.len),
                 PAYHSM_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(payhsm_data_reencipher(ctx, key, iv, 8, data, 64, *out.handle, iv, 16, out.bytes, 256, out.len),
                 PAYHSM_ERR_INVALID_LENGTH);
    CHECK_OK(payhsm_key_erase(ctx, *out.handle));
    CHECK_STATUS(payhsm_mac_translate(ctx, mac_key, PAYHSM_MAC_CMAC, data, 64, data, 16, mac_key, PAYHSM_MAC_CMAC, 16,
                                      out.bytes, 256, out.len), PAYHSM_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(payhsm_mac_begin(ctx, mac_key, PAYHSM_MAC_ALG1_PAD3, PAYHSM_MAC_GENERATE), PAYHSM_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(payhsm_mac_generate(ctx, mac_key, PAYHSM_MAC_UNIONPAY, data, 64, 8, out.bytes, 256, out.len),
                 PAYHSM_ERR_ALGORITHM_MISMATCH);

    /* Attributes that no key has. */
    memcpy(&wrong, &attributes, sizeof wrong);
    wrong.mode = 'G';
    CHECK_STATUS(payhsm_key_generate(ctx, &wrong, 16, out.handle, out.info), PAYHSM_ERR_KEY_BLOCK_MODE);
    memcpy(&wrong, &attributes, sizeof wrong);
    wrong.usage[0] = 0xFF;
    CHECK_STATUS(payhsm_key_generate(ctx, &wrong, 16, out.handle, out.info), PAYHSM_ERR_KEY_BLOCK_USAGE);
    memcpy(&wrong, &attributes, sizeof wrong);
    wrong.reserved = 1;
    CHECK_STATUS(payhsm_key_generate(ctx, &wrong, 16, out.handle, out.info), PAYHSM_ERR_KEY_BLOCK_RESERVED);
    CHECK_STATUS(payhsm_key_generate(ctx, &attributes, 17, out.handle, out.info), PAYHSM_ERR_INVALID_KEY_LENGTH);
    CHECK_STATUS(payhsm_key_generate(ctx, &attributes, SIZE_MAX, out.handle, out.info), PAYHSM_ERR_INVALID_KEY_LENGTH);
    CHECK_STATUS(payhsm_dukpt_find(ctx, 256, out.handle, out.initial), PAYHSM_ERR_INVALID_HANDLE);
    CHECK_STATUS(payhsm_component_begin(ctx, &attributes, 16, 258, NULL, 0), PAYHSM_ERR_INVALID_ARGUMENT);
}

/* A PIN key, and PINs that are none. */
static void pins(device_t *device)
{
    payhsm_ctx_t *ctx = device->ctx;
    static const uint8_t zone[16] = {0x2A, 0x4C, 0x6E, 0x80, 0xA2, 0xC4, 0xE6, 0x08,
                                     0x3B, 0x5D, 0x7F, 0x91, 0xB3, 0xD5, 0xF7, 0x19};
    static const payhsm_pin_t bad[] = {
        {3, {1, 2, 3}}, {13, {1}}, {255, {1}}, {4, {1, 2, 3, 10}}, {4, {1, 2, 3, 4, 5}}, {0, {0}},
    };
    payhsm_key_info_t info;
    uint32_t key;
    size_t i;

    CHECK_OK(device_enter(device, "P0", 'T', 'E', 'N', zone, sizeof zone, &key, &info));
    for (i = 0; i < sizeof bad / sizeof *bad; i++) {
        outputs_spoil();
        memcpy(out.pin, &bad[i], sizeof *out.pin);
        CHECK_STATUS(payhsm_pin_encipher(ctx, key, PAYHSM_PIN_FORMAT_0, PAN, 13, out.pin, out.bytes, 256, out.len),
                     PAYHSM_ERR_INVALID_PIN);
        CHECK(*out.len == 0 && all_zero(out.bytes, 256) && all_zero(out.pin, sizeof *out.pin));
    }
    for (i = 0; i < 3; i++) {
        static const uint32_t formats[] = {1, 2, 256};

        outputs_spoil();
        CHECK(payhsm_pin_encipher(ctx, key, formats[i], PAN, 13, out.pin, out.bytes, 256, out.len) != PAYHSM_OK);
        CHECK(*out.len == 0 && all_zero(out.bytes, 256) && all_zero(out.pin, sizeof *out.pin));
    }
    outputs_spoil();
    CHECK_STATUS(payhsm_pin_encipher(ctx, key, PAYHSM_PIN_FORMAT_0, PAN, 11, out.pin, out.bytes, 256, out.len),
                 PAYHSM_ERR_INVALID_PAN);
    outputs_spoil();
    CHECK_STATUS(payhsm_pin_encipher(ctx, key, PAYHSM_PIN_FORMAT_0, PAN, 13, out.pin, out.bytes, 7, out.len),
                 PAYHSM_ERR_BUFFER_TOO_SMALL);
    CHECK(all_zero(out.pin, sizeof *out.pin));
    outputs_spoil();
    CHECK_OK(payhsm_pin_encipher(ctx, key, PAYHSM_PIN_FORMAT_0, PAN, 13, out.pin, out.bytes, 8, out.len));
    CHECK(*out.len == 8 && all_zero(out.pin, sizeof *out.pin) && out.bytes[8] == 0xAA);
}

/* Card verification values: what is no kind, no date, no value; one class for one key; the device decides. */
static void card_values(device_t *device)
{
    payhsm_ctx_t *ctx = device->ctx;
    static const uint8_t key[16] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF,
                                    0xFE, 0xDC, 0xBA, 0x98, 0x76, 0x54, 0x32, 0x10};
    static const uint32_t kinds[][2] = {{0, 0}, {5, 0}, {PAYHSM_CVV_STRIPE, 0}, {PAYHSM_CVV_STRIPE, 999},
                                        {PAYHSM_CVV_STRIPE, 1000}, {PAYHSM_CVV_CHIP, 999},
                                        {PAYHSM_CVV_PRINTED_YYMM, 101}, {PAYHSM_CVV_PRINTED_MMYY, 1}};
    const uint8_t *date = (const uint8_t *)"8701", *value = (const uint8_t *)"561";
    payhsm_key_info_t info;
    uint32_t cvk;
    size_t i;

    CHECK_OK(device_enter(device, "C0", 'T', 'C', 'N', key, sizeof key, &cvk, &info));
    for (i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        CHECK_STATUS(payhsm_cvv_verify(ctx, cvk, kinds[i][0], kinds[i][1], PAN, 13, date, value, 3),
                     PAYHSM_ERR_INVALID_ARGUMENT);
    }
    for (i = 0; i < 7; i++) {
        outputs_spoil();
        CHECK_STATUS(payhsm_cvv_generate(ctx, cvk, PAYHSM_CVV_CHIP, 0, PAN, 13, date, i, out.bytes, 256, out.len),
                     i < 3 || i > 5 ? PAYHSM_ERR_INVALID_LENGTH : PAYHSM_OK);
        CHECK(i < 3 || i > 5 ? all_zero(out.bytes, 256) : *out.len == i);
    }
    CHECK_STATUS(payhsm_cvv_verify(ctx, cvk, PAYHSM_CVV_CHIP, 0, PAN, 13, date, value, 2), PAYHSM_ERR_INVALID_LENGTH);
    CHECK_STATUS(payhsm_cvv_verify(ctx, cvk, PAYHSM_CVV_CHIP, 0, PAN, 13, date, key, 3), PAYHSM_ERR_INVALID_DIGIT);
    CHECK_STATUS(payhsm_cvv_verify(ctx, cvk, PAYHSM_CVV_CHIP, 0, PAN, 13, key, value, 3), PAYHSM_ERR_INVALID_DIGIT);
    CHECK_STATUS(payhsm_cvv_verify(ctx, cvk, PAYHSM_CVV_CHIP, 0, key, 13, date, value, 3), PAYHSM_ERR_INVALID_PAN);
    /* It has served for tracks. */
    CHECK_STATUS(payhsm_cvv_verify(ctx, cvk, PAYHSM_CVV_PRINTED_YYMM, 0, PAN, 13, date, value, 3),
                 PAYHSM_ERR_USAGE_NOT_PERMITTED);
    device->decide_answer = 1;
    CHECK_STATUS(payhsm_cvv_verify(ctx, cvk, PAYHSM_CVV_CHIP, 0, PAN, 13, date, value, 3), PAYHSM_ERR_REFUSED);
    CHECK(device->asked == PAYHSM_ASK_CARD_VALUE);
    device->decide_answer = 0;
    CHECK_STATUS(payhsm_cvc3_verify(ctx, cvk, PAYHSM_MASTER_KEY_A, PAN, 13, 0, key, 16, key, 1, value, 3),
                 PAYHSM_ERR_USAGE_NOT_PERMITTED);
    CHECK_STATUS(payhsm_cvc3_verify(ctx, cvk, 3, PAN, 13, 0, key, 16, key, 1, value, 3), PAYHSM_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(payhsm_cvc3_verify(ctx, cvk, PAYHSM_MASTER_KEY_A, PAN, 13, 100, key, 16, key, 1, value, 3),
                 PAYHSM_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(payhsm_cvc3_verify(ctx, cvk, PAYHSM_MASTER_KEY_A, PAN, 13, 0, key, 16, key, 65536, value, 3),
                 PAYHSM_ERR_INVALID_ARGUMENT);
    CHECK_OK(payhsm_key_erase(ctx, cvk));
}

/* Whatever a card's number, a command or a way of making a cryptogram cannot be. */
static void cards(device_t *device)
{
    payhsm_ctx_t *ctx = device->ctx;
    payhsm_script_target_t target = {
        sizeof(payhsm_script_target_t), PAYHSM_SCHEME_VISA, 10, 0, 1, 0, {1, 2, 3, 4, 5, 6, 7, 8}}, bad;
    payhsm_raw_cryptogram_t raw = {
        sizeof(payhsm_raw_cryptogram_t), 1, 2, 2, 1, 2, 0, 1, PAYHSM_CRYPTOGRAM_ARQC, {1, 2, 3, 4}, {1, 2, 3, 4, 5, 6, 7, 8}}, wrong;
    uint32_t smi;
    uint8_t *key = input("1523456789ABCDEFFEDCBA9876543210", out.len), *data = guarded(255, 0x5A);
    uint32_t imk;
    size_t i;

    CHECK_OK(device_enter(device, "E2", 'T', 'X', 'N', key, 16, &smi, out.info));
    key[0] = 0x16;
    CHECK_OK(device_enter(device, "E0", 'T', 'X', 'N', key, 16, &imk, out.info));
#define COMMAND(t, kind, place, d, n) \
    payhsm_script_command(ctx, smi, 0, t, PAN, 13, kind, place, d, n, out.bytes, 256, out.len)
    CHECK_OK(COMMAND(&target, PAYHSM_SCRIPT_PIN_UNBLOCK, 0, NULL, 0));
    CHECK(*out.len == 13);
    CHECK_STATUS(COMMAND(&target, 0, 0, NULL, 0), PAYHSM_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(COMMAND(&target, 7, 0, NULL, 0), PAYHSM_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(COMMAND(&target, PAYHSM_SCRIPT_CARD_BLOCK, 1, NULL, 0), PAYHSM_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(COMMAND(&target, PAYHSM_SCRIPT_CARD_BLOCK, 0, data, 1), PAYHSM_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(COMMAND(&target, PAYHSM_SCRIPT_PUT_DATA, 0x9F58, NULL, 0), PAYHSM_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(COMMAND(&target, PAYHSM_SCRIPT_PUT_DATA, 0x9F, data, 1), PAYHSM_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(COMMAND(&target, PAYHSM_SCRIPT_PUT_DATA, 0x70, data, 1), PAYHSM_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(COMMAND(&target, PAYHSM_SCRIPT_UPDATE_RECORD, 0x1F01, data, 1), PAYHSM_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(COMMAND(&target, PAYHSM_SCRIPT_UPDATE_RECORD, 0x10101, data, 1), PAYHSM_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(COMMAND(&target, PAYHSM_SCRIPT_UPDATE_RECORD, 0x0101, data, 248), PAYHSM_ERR_INVALID_LENGTH);
    CHECK_STATUS(COMMAND(&target, PAYHSM_SCRIPT_UPDATE_RECORD, 0x0101, data, 244), PAYHSM_ERR_BUFFER_TOO_SMALL);
    CHECK(*out.len == 0 && all_zero(out.bytes, 256));
    bad = target;
    bad.scheme = 9;
    CHECK_STATUS(COMMAND(&bad, PAYHSM_SCRIPT_CARD_BLOCK, 0, NULL, 0), PAYHSM_ERR_INVALID_ARGUMENT);
    bad.scheme = PAYHSM_SCHEME_JCB;
    bad.cvn = 1;
    CHECK_STATUS(COMMAND(&bad, PAYHSM_SCRIPT_CARD_BLOCK, 0, NULL, 0), PAYHSM_ERR_UNSUPPORTED);
    bad.scheme = PAYHSM_SCHEME_UNIONPAY;
    CHECK_STATUS(COMMAND(&bad, PAYHSM_SCRIPT_CARD_BLOCK, 0, NULL, 0), PAYHSM_ERR_UNSUPPORTED);
    bad = target;
    bad.index = 1;
    CHECK_STATUS(COMMAND(&bad, PAYHSM_SCRIPT_CARD_BLOCK, 0, NULL, 0), PAYHSM_ERR_UNSUPPORTED);
    bad.index = 65536;
    CHECK_STATUS(COMMAND(&bad, PAYHSM_SCRIPT_CARD_BLOCK, 0, NULL, 0), PAYHSM_ERR_INVALID_ARGUMENT);
    bad = target;
    bad.atc = 65536;
    CHECK_STATUS(COMMAND(&bad, PAYHSM_SCRIPT_CARD_BLOCK, 0, NULL, 0), PAYHSM_ERR_INVALID_ARGUMENT);
    bad = target;
    bad.psn = 256;
    CHECK_STATUS(COMMAND(&bad, PAYHSM_SCRIPT_CARD_BLOCK, 0, NULL, 0), PAYHSM_ERR_INVALID_ARGUMENT);
#undef COMMAND
    /* Not without the permissions. */
#define RAW(r) payhsm_arqc_verify_raw(ctx, imk, r, PAN, 13, data, 9, NULL, 0, out.bytes, 256, out.len)
    CHECK_STATUS(RAW(&raw), PAYHSM_ERR_USAGE_NOT_PERMITTED);
    /* Behind the size each of the first five fields, the number of the card, the counter and the kind. */
    for (i = 1; i < 9; i++) {
        wrong = raw;
        memset((uint8_t *)&wrong + i * 4, 0x7F, 4);
        CHECK_STATUS(RAW(&wrong), PAYHSM_ERR_INVALID_ARGUMENT);
    }
#undef RAW
    CHECK_STATUS(payhsm_script_pin_change(ctx, smi, smi, 0, &target, PAN, 13, smi, 0, data, 8, 0, 0, NULL, 0, out.bytes, 256,
                                          out.len), PAYHSM_ERR_USAGE_NOT_PERMITTED);
    CHECK_OK(payhsm_key_erase(ctx, smi));
    CHECK_OK(payhsm_key_erase(ctx, imk));
}

static void starts(device_t *device)
{
    payhsm_config_t config = device_config(device, 0);
    const size_t needed = PAYHSM_CTX_SIZE(DEVICE_SLOTS, DEVICE_GROUPS);
    void *memory = device_memory(device);
    payhsm_ctx_t *ctx = (payhsm_ctx_t *)memory;

    CHECK_STATUS(payhsm_init(memory, needed - 1, &config, &ctx), PAYHSM_ERR_INVALID_LENGTH);
    CHECK(ctx == NULL);
    CHECK_STATUS(payhsm_init((char *)memory + 8, needed, &config, &ctx), PAYHSM_ERR_MISALIGNED);
    CHECK_STATUS(payhsm_init(NULL, needed, &config, &ctx), PAYHSM_ERR_NULL_POINTER);
    CHECK_STATUS(payhsm_init(memory, needed, NULL, &ctx), PAYHSM_ERR_NULL_POINTER);
    CHECK_STATUS(payhsm_init(memory, needed, &config, NULL), PAYHSM_ERR_NULL_POINTER);
#define REFUSE_CONFIG(change, status)                                     \
    do {                                                                  \
        config = device_config(device, 0);                                \
        change;                                                           \
        ctx = (payhsm_ctx_t *)memory;                                     \
        CHECK_STATUS(payhsm_init(memory, needed, &config, &ctx), status); \
        CHECK(ctx == NULL);                                               \
    } while (0)
    REFUSE_CONFIG(config.abi_version++, PAYHSM_ERR_ABI_MISMATCH);
    REFUSE_CONFIG(config.size--, PAYHSM_ERR_ABI_MISMATCH);
    REFUSE_CONFIG(config.slots = 0, PAYHSM_ERR_INVALID_ARGUMENT);
    REFUSE_CONFIG(config.slots = 257, PAYHSM_ERR_INVALID_ARGUMENT);
    REFUSE_CONFIG(config.groups = UINT32_MAX, PAYHSM_ERR_INVALID_ARGUMENT);
    REFUSE_CONFIG(config.policy = 1u << 31, PAYHSM_ERR_INVALID_ARGUMENT);
    REFUSE_CONFIG(config.ceremony_minutes = 65536, PAYHSM_ERR_INVALID_ARGUMENT);
    REFUSE_CONFIG(config.storage_save = NULL, PAYHSM_ERR_INVALID_ARGUMENT);
    REFUSE_CONFIG(config.entropy = NULL, PAYHSM_ERR_ENTROPY);
    REFUSE_CONFIG(device->entropy_answer = 1, PAYHSM_ERR_ENTROPY);
    device->entropy_answer = 0;
    REFUSE_CONFIG(config.slots = DEVICE_SLOTS + 1, PAYHSM_ERR_INVALID_LENGTH);
}

/* PINs as fast as they come: one after the start, then one in 30 seconds; without a clock 120. */
static void pin_rate(void)
{
    device_t *device = calloc(1, sizeof *device);
    static const uint8_t zone[16] = {0x2A, 0x4C, 0x6E, 0x80, 0xA2, 0xC4, 0xE6, 0x08,
                                     0x3B, 0x5D, 0x7F, 0x91, 0xB3, 0xD5, 0xF7, 0x19};
    payhsm_config_t config;
    payhsm_key_info_t info;
    uint32_t key;
    unsigned round, i, passed;

    if (device == NULL) {
        abort();
    }
    for (round = 0; round < 3; round++) {
        static const unsigned expected[] = {1, 120, 20};

        config = device_config(device, 0);
        memset(&config.pin_entry, 0, sizeof config.pin_entry);
        if (round > 0) {
            config.tick = NULL;
        }
        if (round == 2) {
            config.pin_entry.per_start = 20;
        }
        CHECK_OK(payhsm_init(device_memory(device), PAYHSM_CTX_SIZE(DEVICE_SLOTS, DEVICE_GROUPS), &config, &device->ctx));
        CHECK_OK(device_enter(device, "P0", 'T', 'E', 'N', zone, sizeof zone, &key, &info));
        for (i = 0, passed = 0; i < 200; i++) {
            payhsm_status_t status;

            outputs_spoil();
            status = payhsm_pin_encipher(device->ctx, key, PAYHSM_PIN_FORMAT_0, PAN, 13, out.pin, out.bytes, 256, out.len);
            CHECK(status == PAYHSM_OK || status == PAYHSM_ERR_RATE_LIMITED);
            CHECK(all_zero(out.pin, sizeof *out.pin));
            CHECK(status == PAYHSM_OK || (*out.len == 0 && all_zero(out.bytes, 256)));
            passed += status == PAYHSM_OK;
        }
        CHECK(passed == expected[round]);
        device->now += 30000;
        CHECK(payhsm_pin_encipher(device->ctx, key, PAYHSM_PIN_FORMAT_0, PAN, 13, out.pin, out.bytes, 256, out.len) != PAYHSM_OK);
        outputs_spoil();
        CHECK_STATUS(payhsm_pin_encipher(device->ctx, key, PAYHSM_PIN_FORMAT_0, PAN, 13, out.pin, out.bytes, 256, out.len),
                     round == 0 ? PAYHSM_OK : PAYHSM_ERR_RATE_LIMITED);
        CHECK_OK(payhsm_close(device->ctx));
    }
    free(device);
}

#include "misuse_sizes.h"

/* Profiles that no issuer may have. */
static void profiles(device_t *device)
{
    static const payhsm_pin_profile_t good = {
        sizeof(payhsm_pin_profile_t),
    {'0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '0', '1', '2', '3', '4', '5'}, 3, 12, 15, 16, 6, 4, {0, 0}};
    payhsm_pin_profile_t profile;

    device->asked = 0;
#define REFUSE_PROFILE(change, status)                                                     \
    do {                                                                                   \
        profile = good;                                                                    \
        change;                                                                            \
        *out.handle = 1;                                                                   \
        CHECK_STATUS(payhsm_pin_profile_register(device->ctx, &profile, out.handle), status); \
        CHECK(*out.handle == 0 && device->asked == 0);                                     \
    } while (0)
    REFUSE_PROFILE(profile.table[3] = 'A', PAYHSM_ERR_INVALID_DIGIT);
    REFUSE_PROFILE(memset(profile.table, '1', 5), PAYHSM_ERR_INVALID_ARGUMENT);
    REFUSE_PROFILE(memcpy(profile.table, "0123456012345601", 16), PAYHSM_ERR_INVALID_ARGUMENT);
    REFUSE_PROFILE(profile.pad = 16, PAYHSM_ERR_INVALID_ARGUMENT);
    REFUSE_PROFILE(profile.len = 0, PAYHSM_ERR_INVALID_LENGTH);
    REFUSE_PROFILE(profile.len = 17, PAYHSM_ERR_INVALID_LENGTH);
    REFUSE_PROFILE(profile.start = 5, PAYHSM_ERR_INVALID_PAN);
    REFUSE_PROFILE(profile.start = 255, PAYHSM_ERR_INVALID_LENGTH);
    REFUSE_PROFILE(profile.pan_len = 20, PAYHSM_ERR_INVALID_PAN);
    REFUSE_PROFILE(profile.pin_len = 13, PAYHSM_ERR_INVALID_LENGTH);
    REFUSE_PROFILE(profile.check_len = 3, PAYHSM_ERR_INVALID_LENGTH);
    REFUSE_PROFILE(profile.check_len = 7, PAYHSM_ERR_INVALID_LENGTH);
    REFUSE_PROFILE(profile.reserved[1] = 1, PAYHSM_ERR_INVALID_ARGUMENT);
    device->decide_answer = 1;
    *out.handle = 1;
    CHECK_STATUS(payhsm_pin_profile_register(device->ctx, &good, out.handle), PAYHSM_ERR_REFUSED);
    CHECK(*out.handle == 0 && device->asked == PAYHSM_ASK_PIN_PROFILE);
    device->decide_answer = 0;
    CHECK_OK(payhsm_pin_profile_register(device->ctx, &good, out.handle));
    CHECK(*out.handle == 1);
}

/* The bytes of a key that was entered are nowhere in the context's memory. */
static int holds(const device_t *device, const uint8_t *bytes, size_t len)
{
    const uint8_t *memory = (const uint8_t *)device->memory;
    size_t i;

    for (i = 0; i + len <= sizeof device->memory; i++) {
        if (memcmp(memory + i, bytes, len) == 0) {
            return 1;
        }
    }
    return 0;
}

static void erasure(device_t *device)
{
    static const uint8_t key[16] = {0x31, 0x41, 0x59, 0x26, 0x53, 0x58, 0x97, 0x93,
                                    0x23, 0x84, 0x62, 0x64, 0x33, 0x83, 0x27, 0x95};
    static const uint8_t other[16] = {0x27, 0x18, 0x28, 0x18, 0x28, 0x45, 0x90, 0x45,
                                      0x23, 0x53, 0x60, 0x28, 0x74, 0x71, 0x35, 0x26};
    payhsm_key_info_t info;
    uint32_t first, second;
    payhsm_config_t config = device_config(device, 0);

    CHECK_OK(device_enter(device, "D0", 'A', 'B', 'N', key, sizeof key, &first, &info));
    CHECK(holds(device, key, 8));
    /* The ceremony keeps nothing of the components. */
    CHECK_OK(payhsm_key_erase(device->ctx, first));
    CHECK(!holds(device, key, 8) && !holds(device, key + 8, 8));
    CHECK_OK(device_enter(device, "D0", 'A', 'B', 'N', other, sizeof other, &second, &info));

    /* The same value for another purpose. */
    CHECK_STATUS(device_enter(device, "M6", 'A', 'C', 'N', other, sizeof other, &first, &info),
                 PAYHSM_ERR_VERIFICATION_FAILED);

    /* A tamper event during a call: that call gives nothing, and nothing is left. */
    device->visit = tamper_from_within;
    CHECK_STATUS(payhsm_random(device->ctx, out.bytes, 16), PAYHSM_ERR_TAMPERED);
    CHECK(memcmp(out.bytes, (uint8_t[16]){0}, 16) == 0);
    CHECK(device->visit == NULL && !holds(device, other, 8) && !holds(device, other + 8, 8));
    CHECK(!holds(device, config.storage_key, 8));
    all_commands(device->ctx, PAYHSM_ERR_TAMPERED, 1, 0);
    out.state->size = sizeof *out.state;
    CHECK_OK(payhsm_state(device->ctx, out.state));
    CHECK(out.state->state == PAYHSM_STATE_TAMPERED && out.state->slots_used == 0 && out.state->groups_used == 0);
    CHECK_OK(payhsm_tamper(device->ctx));

    CHECK_OK(payhsm_close(device->ctx));
    all_commands(device->ctx, PAYHSM_ERR_BAD_STATE, 0, 0);
    CHECK_STATUS(payhsm_close(device->ctx), PAYHSM_ERR_BAD_STATE);

    /* A new start on the same memory is tampered, too, until the module is made anew; closing erases as well. */
    CHECK_OK(device_start(device, 0));
    all_commands(device->ctx, PAYHSM_ERR_TAMPERED, 1, 0);
    CHECK_OK(payhsm_reinitialise(device->ctx));
    CHECK_OK(device_enter(device, "D0", 'A', 'B', 'N', key, sizeof key, &first, &info));
    CHECK(holds(device, key, 8));
    CHECK_OK(payhsm_close(device->ctx));
    CHECK(!holds(device, key, 8) && !holds(device, key + 8, 8));
}

/* What a terminal may do wrong with a card. */
static void offline(device_t *device)
{
    size_t records_len, len;
    uint8_t *records = input(ODA_RECORDS, &records_len), *challenge = guarded(8, 0x33), *block = guarded(8, 0xAA);
    const uint8_t revoked[9] = {0xA0, 0, 0, 0x99, 0x99, 0xF5, 0, 0x0A, 0x01};
    payhsm_oda_transaction_t sale = {
        sizeof(payhsm_oda_transaction_t), {0x26, 0x11, 0x25}, {0x61, 0}, {0}, {0}, {0}, {0}};
    payhsm_oda_result_t *result = guarded(sizeof *result, 0xAA);
    payhsm_ca_key_t ca, other;
    payhsm_status_t status;
    size_t i;

    memset(&ca, 0, sizeof ca);
    ca.size = sizeof ca;
    memcpy(ca.rid, revoked, sizeof ca.rid);
    ca.index = 0xF5;
    ca.exponent[0] = 3;
    ca.exponent_len = 1;
    memcpy(ca.modulus, input(ODA_MODULUS, &len), 144);
    ca.modulus_len = 144;
    memcpy(ca.checksum, input(ODA_CHECKSUM, &len), sizeof ca.checksum);

#define SDA(method, key, list, list_len, n) \
    payhsm_oda_verify(method, key, list, list_len, &sale, records, n, NULL, 0, NULL, 0, result)
    CHECK_OK(SDA(PAYHSM_ODA_SDA, &ca, NULL, 0, records_len));
    CHECK_STATUS(SDA(0, &ca, NULL, 0, records_len), PAYHSM_ERR_INVALID_ARGUMENT);
    CHECK(all_zero(result, sizeof *result));
    CHECK_STATUS(SDA(PAYHSM_ODA_SDA, &ca, revoked, 8, records_len), PAYHSM_ERR_INVALID_LENGTH);
    CHECK_STATUS(SDA(PAYHSM_ODA_SDA, &ca, revoked, 9, records_len), PAYHSM_ERR_VERIFICATION_FAILED);
    CHECK(result->stage == 3 && result->fault == 23 && result->tvr == 0x40);
    CHECK_STATUS(SDA(PAYHSM_ODA_SDA, &ca, NULL, 0, records_len - 1), PAYHSM_ERR_RECORD);
    CHECK(all_zero(result, sizeof *result));
    CHECK_STATUS(SDA(PAYHSM_ODA_SDA, &ca, NULL, 0, 0), PAYHSM_ERR_TLV_MISSING);
    CHECK(result->stage == 2 && result->fault == 1 && result->tvr == 0x60);
    CHECK_STATUS(SDA(PAYHSM_ODA_DDA, &ca, NULL, 0, records_len), PAYHSM_ERR_CERTIFICATE);
    CHECK_STATUS(SDA(PAYHSM_ODA_CDA, &ca, NULL, 0, records_len), PAYHSM_ERR_CERTIFICATE);
    CHECK_STATUS(SDA(PAYHSM_ODA_FDDA, &ca, NULL, 0, records_len), PAYHSM_ERR_TLV_MISSING);
    for (i = 0; i < sizeof ca; i++) {
        /* Of the key every byte counts, but for the zeros behind exponent and modulus. */
        other = ca;
        ((uint8_t *)&other)[i] ^= 0x04;
        status = SDA(PAYHSM_ODA_SDA, &other, NULL, 0, records_len);
        CHECK((status == PAYHSM_OK) == (i == 35 || i == 36 || (i >= 38 + 144 && i < 38 + sizeof ca.modulus)));
    }
    sale.date[1] = 0x13;
    CHECK_STATUS(SDA(PAYHSM_ODA_SDA, &ca, NULL, 0, records_len), PAYHSM_ERR_EMV_ELEMENT);
    sale.date[1] = 0x11;
    sale.date[0] = 0x31;
    CHECK_STATUS(SDA(PAYHSM_ODA_SDA, &ca, NULL, 0, records_len), PAYHSM_ERR_EXPIRED);
    sale.date[0] = 0x26;

    /* Without a permission no PIN goes to a card; it is wiped all the same. */
    outputs_spoil();
    status = payhsm_offline_pin_encipher(device->ctx, &ca, NULL, 0, &sale, records, records_len, challenge, out.pin,
                                         out.bytes, 256, out.len);
    refused(status, PAYHSM_ERR_REFUSED, BYTES | PIN, 1, "offline_pin_encipher", __LINE__);
    outputs_spoil();
    status = payhsm_offline_pin_plaintext(device->ctx, out.pin, block);
    refused(status, PAYHSM_ERR_REFUSED, PIN, 1, "offline_pin_plaintext", __LINE__);
    CHECK(all_zero(block, 8));
}

int main(void)
{
    device_t *device = calloc(1, sizeof *device);

    if (device == NULL) {
        return EXIT_FAILURE;
    }
    outputs_make();
    pin_rate();
    starts(device);
    CHECK_OK(device_start(device, 0));
    contexts(device);
    life(device);
    buffers(device);
    pins(device);
    card_values(device);
    cards(device);
    profiles(device);
    sizes(device);
    offline(device);
    erasure(device);
    free(device);
    return check_end("misuse");
}
