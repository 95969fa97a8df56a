/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Published values through the C functions; terminal and host agree; a restart goes on where it was. */
#include "check.h"
#include "device.h"
#include "oda_card.h"

#include <stdlib.h>

static const char BDK_TDES[] = "0123456789ABCDEFFEDCBA9876543210";
static const char BDK_AES[] = "FEDCBA9876543210F1F1F1F1F1F1F1F1";
static const char PAN[] = "4012345678909";

/* The message of ANSI X9.24-1:2009 annex A.4.2. */
static const char MESSAGE[] = "4012345678909D987";

static const uint8_t *text(const char *characters)
{
    return (const uint8_t *)characters;
}

static device_t *start(void)
{
    device_t *device = calloc(1, sizeof *device);

    if (device == NULL) {
        abort();
    }
    CHECK_OK(device_start(device, 0));
    return device;
}

static void end(device_t *device)
{
    CHECK_OK(payhsm_close(device->ctx));
    free(device);
}

static uint32_t enter(device_t *device, const char *usage, char algorithm, char mode, const char *key)
{
    uint8_t bytes[32];
    size_t len = unhex(key, bytes);
    payhsm_key_info_t info;
    uint32_t handle = 0;

    CHECK_OK(device_enter(device, usage, algorithm, mode, 'N', bytes, len, &handle, &info));
    CHECK(handle != 0);
    CHECK(memcmp(info.attributes.usage, usage, 2) == 0 && info.attributes.mode == (uint8_t)mode && info.len == len);
    return handle;
}

/* From the host's BDK into the terminal's group. */
static uint32_t provision(device_t *host, device_t *terminal, uint32_t bdk, const char *id, char algorithm)
{
    static const char kbpk[] = "88E1AB2A2E3DD38C1FA039A536500CC8A87AB9D62DC92C01058FA79F44657DE6";
    uint32_t wrap = enter(host, "K1", 'A', 'E', kbpk), unwrap = enter(terminal, "K1", 'A', 'D', kbpk), group = 0;
    size_t id_len, block_len = 0;
    uint8_t *identity = input(id, &id_len), *block = guarded(256, 0xAA), *kcv = guarded(PAYHSM_KCV_MAX_LEN, 0xAA);
    payhsm_initial_key_info_t *info = guarded(sizeof *info, 0xAA);

    CHECK_OK(payhsm_dukpt_export_initial_key(host->ctx, bdk, identity, id_len, wrap, block, 256, &block_len, kcv));
    CHECK(block_len > 100 && block_len < 256 && all_zero(block + block_len, 256 - block_len));
    CHECK_OK(payhsm_dukpt_load(terminal->ctx, unwrap, PAYHSM_PROFILE_X9_143_STRICT, block, block_len, &group, info));
    CHECK(info->algorithm == (uint8_t)algorithm && info->kcv_len == 5 && memcmp(info->kcv, kcv, 5) == 0);
    CHECK(info->ksn_len == (algorithm == 'T' ? PAYHSM_DUKPT_TDES_KSN_LEN : PAYHSM_DUKPT_AES_KSN_LEN));
    CHECK_OK(payhsm_key_erase(host->ctx, wrap));
    CHECK_OK(payhsm_key_erase(terminal->ctx, unwrap));
    return group;
}

#include "selfcheck_batch.h"

/* ANSI X9.24-1:2009 A.4.2: PIN blocks, MACs and data of the first KSNs. */
static void dukpt_tdes(void)
{
    static const struct {
        const char *ksn, *pin_block, *mac, *data;
    } cases[] = {
        {"FFFF9876543210E00001", "1B9C1845EB993A7A", "9CCC7817", "FC0D53B7EA1FDA9EE68AAF2E70D9B9506229BE2AA993F04F"},
        {"FFFF9876543210E00002", "10A01C8D02C69107", NULL, "A2B4E70F846E63D68775B7215EB4563DFD3037244C61CC13"},
        {"FFFF9876543210E00003", NULL, "20B59A4F", "BD751E65F10E75B6C1D5B1D283496A36C2DE21D993C387A7"},
    };
    static const char plain[] = "343031323334353637383930394439383700000000000000";
    device_t *host = start(), *terminal = start();
    uint32_t bdk = enter(host, "B0", 'T', 'X', BDK_TDES), zone = enter(host, "P0", 'T', 'E', "2A4C6E80A2C4E6083B5D7F91B3D5F719");
    uint32_t pvk = enter(host, "V2", 'T', 'C', "6D70A1C4E5081B3F5E728496B8DAFC1D"), group, sale, message;
    uint8_t *iv = guarded(8, 0), *data = guarded(24, 0), *mac = guarded(8, 0), *block = guarded(16, 0), *ksn = guarded(10, 0);
    size_t i, len;
    payhsm_initial_key_info_t info;
    payhsm_pin_t *pin = guarded(sizeof *pin, 0);

    group = provision(host, terminal, bdk, "FFFF9876543210E00000", 'T');
    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        CHECK_OK(payhsm_dukpt_begin(terminal->ctx, group, &sale, ksn, 10, &len));
        CHECK(len == 10);
        CHECK_BYTES(ksn, cases[i].ksn);

        memcpy(pin, &(payhsm_pin_t){4, {1, 2, 3, 4}}, sizeof *pin);
        CHECK_OK(payhsm_pin_encipher(terminal->ctx, sale, PAYHSM_PIN_FORMAT_0, text(PAN), 13, pin, block, 16, &len));
        CHECK(len == 8 && all_zero(block + 8, 8) && all_zero(pin, sizeof *pin));
        if (cases[i].pin_block != NULL) {
            CHECK_BYTES(block, cases[i].pin_block);
        }
        /* One PIN for one KSN; a refused one is wiped as well. */
        memcpy(pin, &(payhsm_pin_t){4, {1, 2, 3, 5}}, sizeof *pin);
        CHECK_STATUS(payhsm_pin_encipher(terminal->ctx, sale, PAYHSM_PIN_FORMAT_0, text(PAN), 13, pin, mac, 8, &len),
                     PAYHSM_ERR_LIMIT_REACHED);
        CHECK(len == 0 && all_zero(mac, 8) && all_zero(pin, sizeof *pin));

        /* Data in place. */
        unhex(plain, data);
        CHECK_OK(payhsm_data_encipher(terminal->ctx, sale, iv, 8, data, 24, data, 24, &len));
        CHECK(len == 24);
        CHECK_BYTES(data, cases[i].data);

        CHECK_OK(payhsm_mac_generate(terminal->ctx, sale, PAYHSM_MAC_X9_19, text(MESSAGE), 17, 8, mac, 8, &len));
        CHECK(len == 8);
        if (cases[i].mac != NULL) {
            CHECK_BYTES(mac, cases[i].mac);
        }

        /* The host reads it all; what the host may do with a request, the terminal may not, and the other way round. */
        CHECK_OK(payhsm_dukpt_derive(host->ctx, bdk, ksn, 10, &message));
        CHECK(host->asked == PAYHSM_ASK_DUKPT_COUNTER);
        CHECK_OK(payhsm_mac_verify(host->ctx, message, PAYHSM_MAC_X9_19, text(MESSAGE), 17, mac, 8));
        batch_macs(host, bdk, ksn, mac);
        CHECK_STATUS(payhsm_mac_verify(terminal->ctx, sale, PAYHSM_MAC_X9_19, text(MESSAGE), 17, mac, 8),
                     PAYHSM_ERR_VERIFICATION_FAILED);
        mac[7] ^= 1;
        CHECK_STATUS(payhsm_mac_verify(host->ctx, message, PAYHSM_MAC_X9_19, text(MESSAGE), 17, mac, 8),
                     PAYHSM_ERR_VERIFICATION_FAILED);
        CHECK_STATUS(payhsm_mac_verify(host->ctx, message, PAYHSM_MAC_X9_19, text(MESSAGE), 17, mac, 3),
                     PAYHSM_ERR_INVALID_LENGTH);
        CHECK_OK(payhsm_data_decipher(host->ctx, message, iv, 8, data, 24, data, 24, &len));
        CHECK_BYTES(data, plain);

        /* The PIN: translated, or verified; a transaction serves one of the two. */
        if (i == 0) {
            CHECK_OK(payhsm_pin_translate(host->ctx, message, PAYHSM_PIN_FORMAT_0, text(PAN), 13, block, 8, zone,
                                          PAYHSM_PIN_FORMAT_3, data, 24, &len));
            CHECK(len == 8 && all_zero(data + 8, 16));
        }
        CHECK_STATUS(payhsm_pin_verify_pvv(host->ctx, message, PAYHSM_PIN_FORMAT_0, text(PAN), 13, block, 8, pvk, 1,
                                           text("0000")),
                     i == 0 ? PAYHSM_ERR_LIMIT_REACHED : PAYHSM_ERR_VERIFICATION_FAILED);

        /* The same for many messages: each job has its own status. */
        batch(host, bdk, zone, pvk, ksn, block);

        /* The answer, in parts. */
        CHECK_OK(payhsm_mac_begin(host->ctx, message, PAYHSM_MAC_X9_19, PAYHSM_MAC_GENERATE));
        CHECK_OK(payhsm_mac_update(host->ctx, text(MESSAGE), 9));
        CHECK_OK(payhsm_mac_update(host->ctx, text(MESSAGE) + 9, 8));
        CHECK_OK(payhsm_mac_finish(host->ctx, 8, mac, 8, &len));
        if (i == 0) {
            CHECK_BYTES(mac, "20364223");
        }
        CHECK_OK(payhsm_mac_begin(terminal->ctx, sale, PAYHSM_MAC_X9_19, PAYHSM_MAC_VERIFY));
        CHECK_OK(payhsm_mac_update(terminal->ctx, text(MESSAGE), 17));
        CHECK_OK(payhsm_mac_finish_verify(terminal->ctx, mac, 8));
        CHECK_STATUS(payhsm_mac_finish_verify(terminal->ctx, mac, 8), PAYHSM_ERR_BAD_STATE);

        /* One that is given up gives nothing. */
        CHECK_OK(payhsm_mac_begin(terminal->ctx, sale, PAYHSM_MAC_X9_19, PAYHSM_MAC_VERIFY));
        CHECK_OK(payhsm_mac_abort(terminal->ctx));
        CHECK_OK(payhsm_mac_abort(terminal->ctx));
        CHECK_STATUS(payhsm_mac_update(terminal->ctx, text(MESSAGE), 17), PAYHSM_ERR_BAD_STATE);
        CHECK_STATUS(payhsm_mac_finish_verify(terminal->ctx, mac, 8), PAYHSM_ERR_BAD_STATE);

        CHECK_OK(payhsm_transaction_end(host->ctx, message));
        CHECK_OK(payhsm_transaction_end(terminal->ctx, sale));
        CHECK_STATUS(payhsm_transaction_end(terminal->ctx, sale), PAYHSM_ERR_INVALID_HANDLE);
    }

    /* The power goes; what was stored says which KSN is next, and the handle of before names nothing. */
    CHECK_OK(payhsm_close(terminal->ctx));
    CHECK_OK(device_start(terminal, 0));
    CHECK_STATUS(payhsm_dukpt_begin(terminal->ctx, group, &sale, ksn, 10, &len), PAYHSM_ERR_INVALID_HANDLE);
    CHECK(sale == 0 && len == 0 && all_zero(ksn, 10));
    CHECK_OK(payhsm_dukpt_find(terminal->ctx, 0, &group, &info));
    CHECK(info.kcv_len == 0 && info.ksn_len == 10);
    CHECK_BYTES(info.ksn, "FFFF9876543210E00004");
    CHECK_OK(payhsm_dukpt_begin(terminal->ctx, group, &sale, ksn, 10, &len));
    CHECK_BYTES(ksn, "FFFF9876543210E00004");
    CHECK_OK(payhsm_transaction_ksn(terminal->ctx, sale, ksn, 10, &len));
    CHECK_BYTES(ksn, "FFFF9876543210E00004");

    /* Given up: neither here nor after the next start, and its initial key does not come back. */
    CHECK_OK(payhsm_dukpt_erase(terminal->ctx, group));
    CHECK_STATUS(payhsm_transaction_ksn(terminal->ctx, sale, ksn, 10, &len), PAYHSM_ERR_INVALID_HANDLE);
    CHECK_OK(payhsm_close(terminal->ctx));
    CHECK_OK(device_start(terminal, 0));
    CHECK_STATUS(payhsm_dukpt_find(terminal->ctx, 0, &group, &info), PAYHSM_ERR_INVALID_HANDLE);
    CHECK(group == 0 && all_zero(&info, sizeof info));
    end(terminal);
    end(host);
}

/* Values of the ANSI X9.24-3:2017 supplement's keys, MACs as moov-io/dukpt has them. */
static void dukpt_aes(void)
{
    device_t *host = start(), *terminal = start();
    uint32_t bdk = enter(host, "B0", 'A', 'X', BDK_AES), zone = enter(host, "P0", 'A', 'E', "102030405060708090A0B0C0D0E0F001");
    uint32_t group = provision(host, terminal, bdk, "1234567890123456", 'A'), sale, message;
    uint8_t *ksn = guarded(12, 0), *mac = guarded(16, 0), *block = guarded(16, 0), *out = guarded(16, 0);
    size_t len;
    payhsm_pin_t pin = {12, {1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2}};

    CHECK_OK(payhsm_dukpt_begin(terminal->ctx, group, &sale, ksn, 12, &len));
    CHECK_BYTES(ksn, "123456789012345600000001");
    CHECK_OK(payhsm_mac_generate(terminal->ctx, sale, PAYHSM_MAC_CMAC, text(MESSAGE), 17, 16, mac, 16, &len));
    CHECK_BYTES(mac, "A2EB5C1C35809E58404E873C3C411E31");
    CHECK_OK(payhsm_dukpt_derive(host->ctx, bdk, ksn, 12, &message));
    CHECK_OK(payhsm_mac_verify(host->ctx, message, PAYHSM_MAC_CMAC, text(MESSAGE), 17, mac, 16));
    CHECK_OK(payhsm_mac_generate(host->ctx, message, PAYHSM_MAC_CMAC, text(MESSAGE), 17, 16, mac, 16, &len));
    CHECK_BYTES(mac, "DD4E1895FD9BF53D8DAF25568ABF551D");
    CHECK_OK(payhsm_mac_verify(terminal->ctx, sale, PAYHSM_MAC_CMAC, text(MESSAGE), 17, mac, 16));

    /* A format that the cipher does not have uses nothing up, but the PIN is gone. */
    CHECK_STATUS(payhsm_pin_encipher(terminal->ctx, sale, PAYHSM_PIN_FORMAT_0, text(PAN), 13, &pin, block, 16, &len),
                 PAYHSM_ERR_FORMAT_NOT_PERMITTED);
    CHECK(all_zero(&pin, sizeof pin));
    memcpy(&pin, &(payhsm_pin_t){12, {1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2}}, sizeof pin);
    CHECK_OK(payhsm_pin_encipher(terminal->ctx, sale, PAYHSM_PIN_FORMAT_4, text(PAN), 13, &pin, block, 16, &len));
    CHECK(len == 16);
    CHECK_OK(payhsm_pin_translate(host->ctx, message, PAYHSM_PIN_FORMAT_4, text(PAN), 13, block, 16, zone,
                                  PAYHSM_PIN_FORMAT_4, out, 16, &len));
    CHECK(len == 16 && host->asked == PAYHSM_ASK_PIN_TRANSLATE);
    end(terminal);
    end(host);
}

/* Working keys by choice, at both ends alike; then the next initial key under the update key of the first. */
static void dukpt_choices(void)
{
    device_t *host = start(), *terminal = start();
    uint32_t bdk = enter(host, "B0", 'A', 'X', BDK_AES), sale, message;
    uint32_t group = provision(host, terminal, bdk, "1234567890123456", 'A');
    uint8_t *ksn = guarded(12, 0), *mac = guarded(16, 0), *data = guarded(24, 0x42), *iv = guarded(8, 0);
    uint8_t *block = guarded(256, 0xAA), *kcv = guarded(PAYHSM_KCV_MAX_LEN, 0xAA);
    size_t id_len, new_len, len;
    uint8_t *id = input("1234567890123456", &id_len), *new_id = input("1234567890123457", &new_len);
    payhsm_initial_key_info_t info;

    CHECK_OK(payhsm_dukpt_begin(terminal->ctx, group, &sale, ksn, 12, &len));
    /* What the callback says of a counter reaches the caller. */
    host->decide_answer = PAYHSM_ERR_COUNTER_REPLAYED;
    CHECK_STATUS(payhsm_dukpt_derive(host->ctx, bdk, ksn, 12, &message), PAYHSM_ERR_COUNTER_REPLAYED);
    host->decide_answer = PAYHSM_ERR_INTERNAL;
    CHECK_STATUS(payhsm_dukpt_derive(host->ctx, bdk, ksn, 12, &message), PAYHSM_ERR_REFUSED);
    CHECK(message == 0);
    host->decide_answer = 0;
    CHECK_OK(payhsm_dukpt_derive(host->ctx, bdk, ksn, 12, &message));
    CHECK_OK(payhsm_transaction_select(terminal->ctx, sale, PAYHSM_WORKING_MAC, PAYHSM_KEY_TYPE_TDES2));
    CHECK_OK(payhsm_transaction_select(host->ctx, message, PAYHSM_WORKING_MAC, PAYHSM_KEY_TYPE_TDES2));
    CHECK_OK(payhsm_mac_generate(terminal->ctx, sale, PAYHSM_MAC_X9_19, text(MESSAGE), 17, 8, mac, 16, &len));
    CHECK_OK(payhsm_mac_verify(host->ctx, message, PAYHSM_MAC_X9_19, text(MESSAGE), 17, mac, 8));
    /* The key was used: the choice stands. */
    CHECK_STATUS(payhsm_transaction_select(terminal->ctx, sale, PAYHSM_WORKING_MAC, PAYHSM_KEY_TYPE_AES128),
                 PAYHSM_ERR_BAD_STATE);
    CHECK_OK(payhsm_transaction_select(terminal->ctx, sale, PAYHSM_WORKING_DATA_BOTH, PAYHSM_KEY_TYPE_TDES2));
    CHECK_OK(payhsm_transaction_select(host->ctx, message, PAYHSM_WORKING_DATA_BOTH, PAYHSM_KEY_TYPE_TDES2));
    CHECK_OK(payhsm_data_encipher(terminal->ctx, sale, iv, 8, data, 24, data, 24, &len));
    CHECK_OK(payhsm_data_decipher(host->ctx, message, iv, 8, data, 24, data, 24, &len));
    CHECK(data[0] == 0x42 && data[23] == 0x42);
    CHECK_STATUS(payhsm_transaction_select(host->ctx, message, PAYHSM_WORKING_PIN, PAYHSM_KEY_TYPE_AES256),
                 PAYHSM_ERR_KEY_STRENGTH);
    CHECK_STATUS(payhsm_transaction_select(host->ctx, message, PAYHSM_WORKING_PIN, PAYHSM_KEY_TYPE_TDES3),
                 PAYHSM_ERR_KEY_STRENGTH);
    CHECK_STATUS(payhsm_transaction_select(host->ctx, message, PAYHSM_WORKING_PIN, PAYHSM_KEY_TYPE_HMAC128),
                 PAYHSM_ERR_ALGORITHM_MISMATCH);
    CHECK_STATUS(payhsm_transaction_select(host->ctx, message, 0, PAYHSM_KEY_TYPE_AES128), PAYHSM_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(payhsm_transaction_select(host->ctx, message, PAYHSM_WORKING_PIN, 9), PAYHSM_ERR_INVALID_ARGUMENT);
    /* Only a transaction with TDEA keys has the older devices' keys. */
    CHECK_STATUS(payhsm_transaction_select(host->ctx, message, PAYHSM_WORKING_LEGACY_DATA_VARIANT, PAYHSM_KEY_TYPE_TDES2),
                 PAYHSM_ERR_ALGORITHM_MISMATCH);

    /* The update. Its transaction is over then, the handle of the group is not. */
    CHECK_STATUS(payhsm_dukpt_export_update(host->ctx, bdk, id, id_len, bdk, id, id_len, block, 256, &len, kcv),
                 PAYHSM_ERR_COUNTER_REPLAYED);
    CHECK_OK(payhsm_dukpt_export_update(host->ctx, bdk, id, id_len, bdk, new_id, new_len, block, 256, &len, kcv));
    CHECK(block[0] == 'D' && memcmp(block + 5, "B1AX", 4) == 0);
    block[len - 1] ^= 1;
    CHECK(payhsm_dukpt_update(terminal->ctx, group, PAYHSM_PROFILE_X9_143_STRICT, block, len, &info) != PAYHSM_OK);
    CHECK(all_zero(&info, sizeof info));
    block[len - 1] ^= 1;
    CHECK_OK(payhsm_dukpt_update(terminal->ctx, group, PAYHSM_PROFILE_X9_143_STRICT, block, len, &info));
    CHECK(memcmp(info.kcv, kcv, 5) == 0);
    CHECK_BYTES(info.ksn, "123456789012345700000001");
    CHECK_STATUS(payhsm_transaction_ksn(terminal->ctx, sale, ksn, 12, &len), PAYHSM_ERR_INVALID_HANDLE);
    CHECK_OK(payhsm_dukpt_begin(terminal->ctx, group, &sale, ksn, 12, &len));
    CHECK_BYTES(ksn, "123456789012345700000001");
    CHECK_OK(payhsm_mac_generate(terminal->ctx, sale, PAYHSM_MAC_CMAC, text(MESSAGE), 17, 16, mac, 16, &len));
    CHECK_OK(payhsm_dukpt_derive(host->ctx, bdk, ksn, 12, &message));
    CHECK_OK(payhsm_mac_verify(host->ctx, message, PAYHSM_MAC_CMAC, text(MESSAGE), 17, mac, 16));
    CHECK_STATUS(payhsm_dukpt_update(terminal->ctx, group, PAYHSM_PROFILE_X9_143_STRICT, block, 0, &info),
                 PAYHSM_ERR_KEY_BLOCK_LENGTH);
    end(terminal);
    end(host);
}

/* What a host reads from a KSN and remembers of it. */
static void ksns(void)
{
    size_t len;
    uint8_t *ksn = input("FFFF9876543210E00008", &len), *id = input("FFFF9876543210E00000", &len);
    uint8_t *window = guarded(PAYHSM_REPLAY_WINDOW_LEN, 0xAA), *next = guarded(PAYHSM_REPLAY_WINDOW_LEN, 0xAA);
    payhsm_ksn_fields_t fields;

    CHECK_OK(payhsm_ksn_split(ksn, 10, 6, 5, 5, &fields));
    CHECK(fields.key_set == 0x987654 && fields.device == 0x3210E >> 1 && fields.counter == 8);
    CHECK_OK(payhsm_ksn_split(ksn, 10, 10, 5, 5, &fields));
    CHECK(fields.key_set == 0xFFFF987654 && fields.device == 0x3210E >> 1 && fields.counter == 8);
    CHECK_STATUS(payhsm_ksn_split(ksn + 2, 8, 6, 5, 5, &fields), PAYHSM_ERR_INVALID_KSN);
    CHECK(all_zero(&fields, sizeof fields));
    CHECK_STATUS(payhsm_ksn_split(ksn, 10, 6, 5, 10, &fields), PAYHSM_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(payhsm_ksn_split(ksn, 10, 256 + 6, 5, 5, &fields), PAYHSM_ERR_INVALID_ARGUMENT);

    CHECK_OK(payhsm_replay_new(id, 10, 1, window));
    CHECK_OK(payhsm_replay_check(window, id, 10, 8));
    CHECK_OK(payhsm_replay_accept(window, id, 10, 8, next));
    CHECK_OK(payhsm_replay_check(window, id, 10, 8));
    CHECK_STATUS(payhsm_replay_check(next, id, 10, 8), PAYHSM_ERR_COUNTER_REPLAYED);
    CHECK_STATUS(payhsm_replay_check(next, id, 10, 6), PAYHSM_ERR_COUNTER_REPLAYED);
    CHECK_OK(payhsm_replay_accept(next, id, 10, 7, window));
    CHECK_STATUS(payhsm_replay_accept(window, id, 10, 7, next), PAYHSM_ERR_COUNTER_REPLAYED);
    CHECK(all_zero(next, PAYHSM_REPLAY_WINDOW_LEN));
    CHECK_STATUS(payhsm_replay_check(next, id, 10, 9), PAYHSM_ERR_RECORD);
    CHECK_STATUS(payhsm_replay_check(window, id, 10, 0), PAYHSM_ERR_COUNTER_ZERO);
    CHECK_STATUS(payhsm_replay_check(window, id, 10, 0x7FF), PAYHSM_ERR_COUNTER_OVERWEIGHT);
    CHECK_STATUS(payhsm_replay_check(window, id, 8, 9), PAYHSM_ERR_INVALID_KSN);
    CHECK_STATUS(payhsm_replay_new(ksn, 10, 1, window), PAYHSM_ERR_INVALID_KSN);
    CHECK_STATUS(payhsm_replay_new(id, 10, 65, window), PAYHSM_ERR_INVALID_ARGUMENT);
}

/* The PVV of `vectors/card_verification.txt` (psec): a PIN under a zone's key, verified by the issuer. */
static void pvv(void)
{
    static const char key[] = "2A4C6E80A2C4E6083B5D7F91B3D5F719", pan[] = "1122334455667788";
    device_t *acquirer = start(), *issuer = start();
    uint32_t here = enter(acquirer, "P0", 'T', 'E', key), there = enter(issuer, "P0", 'T', 'D', key);
    uint32_t pvk = enter(issuer, "V2", 'T', 'C', BDK_TDES);
    uint8_t *block = guarded(8, 0), *made = guarded(PAYHSM_PVV_LEN, 0xAA);
    payhsm_pin_t pin = {4, {4, 5, 2, 4}};
    size_t len;

    CHECK_OK(payhsm_pin_encipher(acquirer->ctx, here, PAYHSM_PIN_FORMAT_0, text(pan), 16, &pin, block, 8, &len));
    CHECK(len == 8 && all_zero(&pin, sizeof pin));
    CHECK_OK(payhsm_pin_verify_pvv(issuer->ctx, there, PAYHSM_PIN_FORMAT_0, text(pan), 16, block, 8, pvk, 1, text("8523")));
    CHECK(issuer->asked == PAYHSM_ASK_PIN_VERIFY);
    CHECK_STATUS(payhsm_pin_verify_pvv(issuer->ctx, there, PAYHSM_PIN_FORMAT_0, text(pan), 16, block, 8, pvk, 1, text("8524")),
                 PAYHSM_ERR_VERIFICATION_FAILED);
    CHECK_STATUS(payhsm_pin_verify_pvv(issuer->ctx, there, PAYHSM_PIN_FORMAT_0, text(pan), 16, block, 8, pvk, 2, text("8523")),
                 PAYHSM_ERR_VERIFICATION_FAILED);
    CHECK_OK(payhsm_pvv_generate(issuer->ctx, there, PAYHSM_PIN_FORMAT_0, text(pan), 16, block, 8, pvk, 1, made));
    CHECK(issuer->asked == PAYHSM_ASK_PIN_ISSUE && memcmp(made, "8523", PAYHSM_PVV_LEN) == 0);
    /* Another block: whatever is inside, one answer. */
    block[0] ^= 1;
    CHECK_STATUS(payhsm_pin_verify_pvv(issuer->ctx, there, PAYHSM_PIN_FORMAT_0, text(pan), 16, block, 8, pvk, 1, text("8523")),
                 PAYHSM_ERR_VERIFICATION_FAILED);
    block[0] ^= 1;
    /* No tries left, says the device. */
    issuer->decide_answer = 1;
    CHECK_STATUS(payhsm_pin_verify_pvv(issuer->ctx, there, PAYHSM_PIN_FORMAT_0, text(pan), 16, block, 8, pvk, 1, text("8523")),
                 PAYHSM_ERR_REFUSED);
    end(acquirer);
    end(issuer);
}

/* A block for the issuer, from its own module with the other half of the key. */
static void pin_block(device_t *acquirer, uint32_t key, const char *pan, payhsm_pin_t pin, uint8_t *block)
{
    size_t len;

    CHECK_OK(payhsm_pin_encipher(acquirer->ctx, key, PAYHSM_PIN_FORMAT_0, text(pan), 16, &pin, block, 8, &len));
    CHECK(len == 8);
}

/* The natural PIN 4524 and offsets of `vectors/card_verification.txt` (psec); then new PINs and changes. */
static void ibm3624(void)
{
    static const char key[] = "2A4C6E80A2C4E6083B5D7F91B3D5F719", pan[] = "1122334455667788";
    static const char back[] = "102030405060708090A0B0C0D0E0F001";
    static const payhsm_pin_profile_t card = {
        sizeof(payhsm_pin_profile_t),
    {'1', '2', '3', '4', '5', '6', '7', '8', '9', '0', '1', '2', '3', '4', '5', '6'}, 0, 16, 15, 16, 4, 0, {0, 0}};
    device_t *acquirer = start(), *issuer = start();
    uint32_t here = enter(acquirer, "P0", 'T', 'E', key), there = enter(issuer, "P0", 'T', 'D', key);
    uint32_t out = enter(issuer, "P0", 'T', 'E', back), again, pvk = enter(issuer, "V1", 'T', 'C', BDK_TDES), profile = 0;
    uint32_t visa = enter(issuer, "V2", 'T', 'C', "6D70A1C4E5081B3F5E728496B8DAFC1D");
    uint8_t *old = guarded(8, 0), *new = guarded(8, 0), *offset = guarded(12, 0xAA), *pvv = guarded(4, 0xAA), other[4];
    size_t len;

    CHECK_OK(payhsm_pin_profile_register(issuer->ctx, &card, &profile));
    CHECK(profile == 1 && issuer->asked == PAYHSM_ASK_PIN_PROFILE);
    pin_block(acquirer, here, pan, (payhsm_pin_t){4, {5, 6, 3, 5}}, old);
    CHECK_OK(payhsm_pin_offset_generate(issuer->ctx, there, PAYHSM_PIN_FORMAT_0, text(pan), 16, old, 8, pvk, profile, offset,
                                        12, &len));
    CHECK(len == 4 && memcmp(offset, "1111", 4) == 0 && all_zero(offset + 4, 8));
    CHECK_OK(payhsm_pin_verify_3624(issuer->ctx, there, PAYHSM_PIN_FORMAT_0, text(pan), 16, old, 8, pvk, profile, offset, 4));
    CHECK_STATUS(payhsm_pin_verify_3624(issuer->ctx, there, PAYHSM_PIN_FORMAT_0, text(pan), 16, old, 8, pvk, profile,
                                        text("1112"), 4),
                 PAYHSM_ERR_VERIFICATION_FAILED);

    /* The old PIN is right: the offset of the new one. A PIN that everybody tries first is none. */
    pin_block(acquirer, here, pan, (payhsm_pin_t){4, {2, 5, 8, 0}}, new);
    CHECK_OK(payhsm_pin_change_3624(issuer->ctx, there, there, pvk, PAYHSM_PIN_FORMAT_0, PAYHSM_PIN_FORMAT_0, profile,
                                    text(pan), 16, old, 8, new, 8, text("1111"), 4, offset, 12, &len));
    CHECK(len == 4 && memcmp(offset, "8066", 4) == 0 && issuer->asked == PAYHSM_ASK_PIN_CHANGE);
    CHECK_STATUS(payhsm_pin_change_3624(issuer->ctx, there, there, pvk, PAYHSM_PIN_FORMAT_0, PAYHSM_PIN_FORMAT_0, profile,
                                        text(pan), 16, old, 8, new, 8, text("1121"), 4, offset, 12, &len),
                 PAYHSM_ERR_VERIFICATION_FAILED);
    CHECK(len == 0 && all_zero(offset, 12));
    pin_block(acquirer, here, pan, (payhsm_pin_t){4, {1, 1, 1, 1}}, new);
    CHECK_STATUS(payhsm_pin_change_3624(issuer->ctx, there, there, pvk, PAYHSM_PIN_FORMAT_0, PAYHSM_PIN_FORMAT_0, profile,
                                        text(pan), 16, old, 8, new, 8, text("1111"), 4, offset, 12, &len),
                 PAYHSM_ERR_VERIFICATION_FAILED);

    /* The natural PIN, enciphered, is the one of the vector; a drawn one fits its references. */
    CHECK_OK(payhsm_pin_derive_3624(issuer->ctx, out, pvk, PAYHSM_PIN_FORMAT_0, profile, text(pan), 16, text("0000"), 4, old,
                                    8, &len));
    CHECK(len == 8);
    CHECK_OK(payhsm_key_erase(acquirer->ctx, here));
    here = enter(acquirer, "P0", 'T', 'E', back);
    pin_block(acquirer, here, pan, (payhsm_pin_t){4, {4, 5, 2, 4}}, new);
    CHECK(memcmp(old, new, 8) == 0);
    CHECK_OK(payhsm_pin_generate_3624(issuer->ctx, out, pvk, PAYHSM_PIN_FORMAT_0, profile, text(pan), 16, old, 8, &len, offset));
    CHECK(len == 8 && all_zero(offset + 4, 8));
    CHECK_OK(payhsm_pin_generate_pvv(issuer->ctx, out, visa, 6, PAYHSM_PIN_FORMAT_0, 1, text(pan), 16, new, 8, &len, pvv));
    CHECK(len == 8 && memcmp(old, new, 8) != 0);
    CHECK_OK(payhsm_key_erase(issuer->ctx, out));
    again = enter(issuer, "P0", 'T', 'D', back);
    CHECK_OK(payhsm_pin_verify_3624(issuer->ctx, again, PAYHSM_PIN_FORMAT_0, text(pan), 16, old, 8, pvk, profile, offset, 4));
    CHECK_OK(payhsm_pin_verify_pvv(issuer->ctx, again, PAYHSM_PIN_FORMAT_0, text(pan), 16, new, 8, visa, 1, pvv));
    CHECK_OK(payhsm_pin_change_pvv(issuer->ctx, again, again, visa, PAYHSM_PIN_FORMAT_0, PAYHSM_PIN_FORMAT_0, 1, text(pan), 16,
                                   new, 8, old, 8, pvv, other));
    CHECK_OK(payhsm_pin_verify_pvv(issuer->ctx, again, PAYHSM_PIN_FORMAT_0, text(pan), 16, old, 8, visa, 1, other));
    CHECK_STATUS(payhsm_pin_change_pvv(issuer->ctx, again, again, visa, PAYHSM_PIN_FORMAT_0, PAYHSM_PIN_FORMAT_0, 1, text(pan),
                                       16, new, 8, old, 8, text("9999"), other),
                 memcmp(pvv, "9999", 4) == 0 ? PAYHSM_OK : PAYHSM_ERR_VERIFICATION_FAILED);
    end(acquirer);
    end(issuer);
}

/* Every cell of the translation matrix that C can name; what is refused leaves nothing. */
static void translations(void)
{
    static const uint32_t policies[] = {0, PAYHSM_POLICY_PIN_FORMAT_1 | PAYHSM_POLICY_WEAKER_PIN_KEY};
    static const char pan[] = "1122334455667788";
    static const char keys[4][33] = {"2A4C6E80A2C4E6083B5D7F91B3D5F719", "102030405060708090A0B0C0D0E0F001",
                                     "2A4C6E80A2C4E6083B5D7F91B3D5F71A", "102030405060708090A0B0C0D0E0F002"};
    unsigned policy, from, to, done, cells = 0;
    uint8_t *block = guarded(16, 0), *translated = guarded(16, 0);
    size_t len;

    for (policy = 0; policy < 2; policy++) {
        device_t *maker = calloc(1, sizeof *maker), *gateway = calloc(1, sizeof *gateway);
        uint32_t make[2], in[2], out[2];

        if (maker == NULL || gateway == NULL) {
            abort();
        }
        CHECK_OK(device_start(maker, PAYHSM_POLICY_PIN_FORMAT_1));
        CHECK_OK(device_start(gateway, policies[policy]));
        make[0] = enter(maker, "P0", 'T', 'E', keys[0]);
        make[1] = enter(maker, "P0", 'A', 'E', keys[1]);
        in[0] = enter(gateway, "P0", 'T', 'D', keys[0]);
        in[1] = enter(gateway, "P0", 'A', 'D', keys[1]);
        out[0] = enter(gateway, "P0", 'T', 'E', keys[2]);
        out[1] = enter(gateway, "P0", 'A', 'E', keys[3]);
        for (from = 0, done = 0; from < 5; from++) {
            const size_t block_len = from == 4 ? 16 : 8;
            payhsm_pin_t pin = {5, {9, 7, 5, 3, 1}};

            memset(block, 0, 16);
            CHECK((payhsm_pin_encipher(maker->ctx, make[from == 4], from, text(pan), 16, &pin, block, 16, &len) == PAYHSM_OK) ==
                  (from != 2));
            for (to = 0; to < 5; to++) {
                const int row = from != 2 && to != 2 && (to != 1 || from == 1);
                const int format_1 = from == 1 || to == 1;
                payhsm_status_t expected = PAYHSM_OK;

                if (!row || (format_1 && policy == 0)) {
                    expected = PAYHSM_ERR_FORMAT_NOT_PERMITTED;
                } else if (from == 4 && to != 4 && policy == 0) {
                    expected = PAYHSM_ERR_KEY_STRENGTH;
                }
                cells++;
                CHECK_STATUS(payhsm_pin_translate(gateway->ctx, in[from == 4], from, text(pan), 16, block, block_len,
                                                  out[to == 4], to, translated, 16, &len),
                             expected);
                CHECK(expected == PAYHSM_OK ? len == (to == 4 ? 16u : 8u) : len == 0 && all_zero(translated, 16));
                done += expected == PAYHSM_OK;
                /* With two PANs: the same, and never another. */
                CHECK_STATUS(payhsm_pin_translate_pans(gateway->ctx, in[from == 4], from, text(pan), 16, block, block_len,
                                                       out[to == 4], to, text(pan), 16, translated, 16, &len),
                             expected);
                CHECK_STATUS(payhsm_pin_translate_pans(gateway->ctx, in[from == 4], from, text(pan), 16, block, block_len,
                                                       out[to == 4], to, text("1122334455667789"), 16, translated, 16, &len),
                             PAYHSM_ERR_PAN_MISMATCH);
                CHECK(len == 0 && all_zero(translated, 16));
            }
        }
        CHECK(done == (policy == 0 ? 7u : 13u));
        end(maker);
        end(gateway);
    }
    CHECK(cells == 50);
}

/* MACs of `vectors/mac.txt` (ISO/IEC 9797-1 annex B, UnionPay), one translated; data between keys; a track. */
static void macs_and_data(void)
{
    static const char track[] = "1234567890123456789=0508201781999168302";
    static const char text_1[] = "Now is the time for all ";
    device_t *device = calloc(1, sizeof *device);
    uint32_t retail, cmac, mak, from, to, zone;
    uint8_t *mac = guarded(8, 0), *long_mac = guarded(16, 0), *data = guarded(32, 0x5A), *iv = guarded(16, 7);
    uint8_t *packed = guarded(20, 0), *back = guarded(39, 0), *mab;
    size_t len, mab_len;

    CHECK(device != NULL);
    CHECK_OK(device_start(device, PAYHSM_POLICY_UNIONPAY));
    retail = enter(device, "M3", 'T', 'C', "0123456789ABCDEFFEDCBA9876543210");
    cmac = enter(device, "M6", 'A', 'C', "102030405060708090A0B0C0D0E0F002");
    CHECK_OK(payhsm_mac_generate(device->ctx, retail, PAYHSM_MAC_X9_19, text(text_1), 24, 8, mac, 8, &len));
    CHECK_BYTES(mac, "A1C72E74EA3FA9B6");
    CHECK_OK(payhsm_mac_translate(device->ctx, retail, PAYHSM_MAC_X9_19, text(text_1), 24, mac, 8, cmac, PAYHSM_MAC_CMAC,
                                  16, long_mac, 16, &len));
    CHECK(len == 16);
    CHECK_OK(payhsm_mac_verify(device->ctx, cmac, PAYHSM_MAC_CMAC, text(text_1), 24, long_mac, 16));
    mac[0] ^= 1;
    CHECK_STATUS(payhsm_mac_translate(device->ctx, retail, PAYHSM_MAC_X9_19, text(text_1), 24, mac, 8, cmac,
                                      PAYHSM_MAC_CMAC, 16, long_mac, 16, &len), PAYHSM_ERR_VERIFICATION_FAILED);
    CHECK(len == 0 && all_zero(long_mac, 16));
    CHECK_OK(payhsm_mac_begin_sized(device->ctx, retail, PAYHSM_MAC_ALG3_PAD3, PAYHSM_MAC_GENERATE, 24));
    CHECK_OK(payhsm_mac_update(device->ctx, text(text_1), 24));
    CHECK_OK(payhsm_mac_finish(device->ctx, 8, mac, 8, &len));
    CHECK_OK(payhsm_mac_verify(device->ctx, retail, PAYHSM_MAC_ALG3_PAD3, text(text_1), 24, mac, 8));

    mak = enter(device, "M1", 'T', 'C', "AB73C9416D41E936E82AAC11053BCEDD");
    mab = input("3230313630393133323031363039313332303136303931333230313630393133", &mab_len);
    CHECK_OK(payhsm_mac_generate(device->ctx, mak, PAYHSM_MAC_UNIONPAY, mab, mab_len, 8, mac, 8, &len));
    CHECK(len == 8 && memcmp(mac, "3027", 4) == 0);
    CHECK_OK(payhsm_mac_verify(device->ctx, mak, PAYHSM_MAC_UNIONPAY, mab, mab_len, mac, 8));

    from = enter(device, "D0", 'T', 'B', "3B5D7F91B3D5F7192A4C6E80A2C4E608");
    to = enter(device, "D0", 'A', 'B', "102030405060708090A0B0C0D0E0F003");
    CHECK_OK(payhsm_data_encipher(device->ctx, from, iv, 8, data, 32, data, 32, &len));
    CHECK_OK(payhsm_data_reencipher(device->ctx, from, iv, 8, data, 32, to, iv, 16, data, 32, &len));
    CHECK_OK(payhsm_data_decipher(device->ctx, to, iv, 16, data, 32, data, 32, &len));
    CHECK(len == 32 && data[0] == 0x5A && data[31] == 0x5A);

    /* One value, one purpose. */
    CHECK_OK(payhsm_key_erase(device->ctx, retail));
    zone = enter(device, "D0", 'T', 'B', BDK_TDES);
    CHECK_OK(payhsm_track2_encipher(device->ctx, zone, text(track), 39, packed, 20, &len));
    CHECK(len == 20);
    CHECK_BYTES(packed, "1234567890123456789D054CFC20D6F04568AC20");
    CHECK_OK(payhsm_track2_decipher(device->ctx, zone, packed, 20, 39, back, 39, &len));
    CHECK(len == 39 && memcmp(back, track, 39) == 0);
    end(device);
}

/* A block of ANSI TR-31:2018 annex A.7.2.2 and one of version D; a changed character; another party's export. */
static void key_blocks(void)
{
    static const char block_b[] = "B0080P0TE00E000094B420079CC80BA3461F86FE26EFC4A3B8E4FA4C5F5341176EED7B727B8A248E";
    device_t *device = start();
    uint32_t kbpk = enter(device, "K1", 'T', 'B', "DD7515F2BFC17F85CE48F3CA25CB21F6"), key = 0, again = 0;
    payhsm_key_info_t *info = guarded(sizeof *info, 0);
    char *block = guarded(sizeof block_b - 1, 0), out[PAYHSM_KEY_BLOCK_MAX_LEN];
    size_t i, len;

    memcpy(block, block_b, sizeof block_b - 1);
    batch_keys(device, kbpk, block);
    CHECK_OK(payhsm_key_import(device->ctx, kbpk, PAYHSM_PROFILE_X9_143_STRICT, text(block), 80, &key, info));
    CHECK(memcmp(info->attributes.usage, "P0", 2) == 0 && memcmp(info->attributes.version, "00", 2) == 0);
    CHECK(info->attributes.algorithm == 'T' && info->attributes.mode == 'E' && info->attributes.exportability == 'E');
    CHECK(info->len == 16 && info->kcv_len == 3);
    CHECK_BYTES(info->kcv, "57C409");

    CHECK_OK(payhsm_key_export(device->ctx, kbpk, key, (uint8_t *)out, sizeof out, &len));
    CHECK(len > 80 && memcmp(out, "B", 1) == 0 && memcmp(out + 5, "P0TE00E0000", 11) == 0);
    CHECK_STATUS(payhsm_key_export(device->ctx, kbpk, kbpk, (uint8_t *)out, sizeof out, &len), PAYHSM_ERR_INVALID_ARGUMENT);
    CHECK(len == 0 && all_zero(out, sizeof out));
    CHECK_OK(payhsm_key_erase(device->ctx, key));
    CHECK_STATUS(payhsm_key_info(device->ctx, key, info), PAYHSM_ERR_INVALID_HANDLE);
    CHECK(all_zero(info, sizeof *info));

    for (i = 0; i < 80; i++) {
        payhsm_status_t status;

        block[i] = (char)(block[i] == '0' ? '1' : '0');
        status = payhsm_key_import(device->ctx, kbpk, PAYHSM_PROFILE_X9_143_STRICT, text(block), 80, &again, info);
        CHECK(status != PAYHSM_OK && again == 0 && all_zero(info, sizeof *info));
        memcpy(block, block_b, 80);
    }
    for (i = 0; i < 80; i++) {
        CHECK(payhsm_key_import(device->ctx, kbpk, PAYHSM_PROFILE_X9_143_STRICT, text(block), i, &again, info) != PAYHSM_OK);
    }
    end(device);
}

/* A ceremony that is left open is over after its minutes. */
static void abandoned_ceremony(void)
{
    static const payhsm_key_attributes_t attributes = {{'D', '0'}, 'A', 'E', {'0', '0'}, 'N', 0};
    static const uint8_t component[16] = {1};
    device_t *device = calloc(1, sizeof *device);
    payhsm_state_t state = {.size = sizeof state};
    uint8_t bytes[4];

    if (device == NULL) {
        abort();
    }
    CHECK_OK(device_start(device, 0));
    CHECK_OK(payhsm_component_begin(device->ctx, &attributes, 16, 2, NULL, 0));
    CHECK_OK(payhsm_component_add(device->ctx, 1, component, 16, NULL, 0));
    device->now += 15 * 60000 - 1;
    CHECK_STATUS(payhsm_random(device->ctx, bytes, sizeof bytes), PAYHSM_ERR_BAD_STATE);
    device->now += 1;
    CHECK_OK(payhsm_random(device->ctx, bytes, sizeof bytes));
    CHECK_OK(payhsm_state(device->ctx, &state));
    CHECK(state.state == PAYHSM_STATE_VIRGIN);
    CHECK_STATUS(payhsm_component_add(device->ctx, 2, component, 16, NULL, 0), PAYHSM_ERR_BAD_STATE);
    end(device);
}

/* Working keys under a master key, and the published sign-on answer of a UnionPay terminal. */
static void working_keys(void)
{
    static const char tmk[] = "CA5D92598DCA48CE8A4C76361A9269E9";
    static const char pik[] = "6701EAD6A9AD51E51AA406E2C27FCFA9", pik_kcv[] = "8D0A74B8";
    static const char mak[] = "AA3A8E0552E755BDA9D6A7B8B6367174", mak_kcv[] = "08D7B4FB";
    static const char field[] = "6701EAD6A9AD51E51AA406E2C27FCFA98D0A74B8"
                                "AA3A8E0552E755BDA9D6A7B8B636717408D7B4FB";
    static const payhsm_key_attributes_t attributes = {{'P', '0'}, 'T', 'E', {'0', '0'}, 'N', 0};
    device_t *device = calloc(1, sizeof *device);
    uint8_t cipher[16], kcv[4], answer[40];
    payhsm_working_keys_t keys;
    payhsm_key_info_t info;
    uint32_t master, key;

    if (device == NULL) {
        abort();
    }
    CHECK_OK(device_start(device, PAYHSM_POLICY_LEGACY_IMPORT));
    master = enter(device, "K0", 'T', 'D', tmk);
    CHECK(unhex(pik, cipher) == 16 && unhex(pik_kcv, kcv) == 4 && unhex(field, answer) == 40);
    CHECK_OK(payhsm_working_key_import(device->ctx, master, &attributes, cipher, 16, kcv, 4, &key, &info));
    CHECK(info.len == 16 && info.kcv_len == 3);
    CHECK_BYTES(info.kcv, "8D0A74");
    CHECK_OK(payhsm_key_erase(device->ctx, key));
    kcv[3] ^= 1;
    CHECK_STATUS(payhsm_working_key_import(device->ctx, master, &attributes, cipher, 16, kcv, 4, &key, &info),
                 PAYHSM_ERR_VERIFICATION_FAILED);
    CHECK(key == 0 && all_zero(&info, sizeof info));

    CHECK_OK(payhsm_unionpay_sign_on(device->ctx, master, PAYHSM_SIGN_ON_DOUBLE, answer, sizeof answer, &keys));
    CHECK(keys.pin != 0 && keys.mac != 0 && keys.track == 0 && keys.reserved == 0);
    CHECK_OK(payhsm_key_info(device->ctx, keys.mac, &info));
    CHECK(memcmp(info.attributes.usage, "M0", 2) == 0 && info.attributes.mode == 'C' && info.len == 16);
    CHECK_OK(payhsm_key_erase(device->ctx, keys.pin));
    CHECK_OK(payhsm_key_erase(device->ctx, keys.mac));
    CHECK_STATUS(payhsm_unionpay_sign_on(device->ctx, master, 4, answer, sizeof answer, &keys), PAYHSM_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(payhsm_unionpay_sign_on(device->ctx, master, PAYHSM_SIGN_ON_DOUBLE_TRACK, answer, sizeof answer, &keys),
                 PAYHSM_ERR_INVALID_LENGTH);
    /* One check value of two: nothing comes in. */
    answer[39] ^= 1;
    CHECK_STATUS(payhsm_unionpay_sign_on(device->ctx, master, PAYHSM_SIGN_ON_DOUBLE, answer, sizeof answer, &keys),
                 PAYHSM_ERR_VERIFICATION_FAILED);
    CHECK(all_zero(&keys, sizeof keys));
    /* The first half of a MAC key is a key of single length, which has another check value. */
    CHECK(unhex(mak, answer + 20) == 16 && unhex(mak_kcv, answer + 36) == 4);
    memset(answer + 28, 0, 8);
    CHECK_STATUS(payhsm_unionpay_sign_on(device->ctx, master, PAYHSM_SIGN_ON_DOUBLE, answer, sizeof answer, &keys),
                 PAYHSM_ERR_VERIFICATION_FAILED);
    CHECK_STATUS(payhsm_unionpay_sign_on(device->ctx, master, PAYHSM_SIGN_ON_DOUBLE, answer, sizeof answer, &keys),
                 PAYHSM_ERR_LOCKED);
    end(device);
}

/* A pair of devices agrees a key in each of the three ways, and a key goes over under it. */
static void agreements(void)
{
    static const char psk[] = "7A1C93E0B5D2486F8E60A7D31B4C95F2";
    static const payhsm_key_attributes_t signature = {{'S', '0'}, 'E', 'S', {'0', '0'}, 'N', 0};
    static const payhsm_key_attributes_t data = {{'D', '0'}, 'A', 'E', {'0', '0'}, 'E', 0};
    const uint8_t *host_id = text("host"), *terminal_id = text("terminal"), *shared = text("run 1");
    device_t *host = calloc(1, sizeof *host), *terminal = calloc(1, sizeof *terminal);
    uint8_t m1[PAYHSM_AGREEMENT_M1_LEN], m2[PAYHSM_AGREEMENT_SIGNED_M2_LEN], m3[PAYHSM_AGREEMENT_SIGNED_M3_LEN];
    uint8_t host_public[PAYHSM_EC_PUBLIC_LEN], terminal_public[PAYHSM_EC_PUBLIC_LEN], block[PAYHSM_KEY_BLOCK_MAX_LEN];
    payhsm_key_info_t here, there, info;
    uint32_t host_key, terminal_key, given, taken, sent, received;
    size_t len, way;

    if (host == NULL || terminal == NULL) {
        abort();
    }
    CHECK_OK(device_start(host, PAYHSM_POLICY_UNAUTHENTICATED_AGREEMENT));
    CHECK_OK(device_start(terminal, PAYHSM_POLICY_UNAUTHENTICATED_AGREEMENT));
    CHECK_OK(payhsm_key_generate(host->ctx, &data, 16, &sent, &info));
    for (way = 0; way < 3; way++) {
        if (way == 0) {
            host_key = enter(host, "B3", 'A', 'X', psk);
            terminal_key = enter(terminal, "B3", 'A', 'X', psk);
            CHECK_OK(payhsm_agreement_begin(host->ctx, host_key, host_id, 4, terminal_id, 8, 16, m1, sizeof m1, &len));
            CHECK(len == PAYHSM_AGREEMENT_M1_LEN);
            CHECK_OK(payhsm_agreement_answer(terminal->ctx, terminal_key, host_id, 4, terminal_id, 8, 16, m1, m2,
                                             sizeof m2, &len));
            CHECK(len == PAYHSM_AGREEMENT_M2_LEN);
            CHECK_OK(payhsm_agreement_confirm(host->ctx, m2, &given, &here, m3, sizeof m3, &len));
            CHECK(len == PAYHSM_AGREEMENT_M3_LEN);
            CHECK_OK(payhsm_agreement_finish(terminal->ctx, m3, &taken, &there));
            CHECK_STATUS(payhsm_agreement_finish(terminal->ctx, m3, &received, &info), PAYHSM_ERR_BAD_STATE);
            /* An error in one role ends nothing in another, not even one of a pointer. */
            CHECK_OK(payhsm_agreement_begin(host->ctx, host_key, host_id, 4, terminal_id, 8, 16, m1, sizeof m1, &len));
            CHECK_STATUS(payhsm_agreement_finish(host->ctx, NULL, &received, &info), PAYHSM_ERR_NULL_POINTER);
            CHECK_STATUS(payhsm_agreement_unauthenticated_finish(host->ctx, NULL, 65, PAYHSM_KDF_ONE_STEP_SHA512, shared, 5,
                                                                 16, 'E', &received, &info),
                         PAYHSM_ERR_NULL_POINTER);
            CHECK_STATUS(payhsm_agreement_confirm(host->ctx, NULL, &received, &info, m3, sizeof m3, &len),
                         PAYHSM_ERR_NULL_POINTER);
            CHECK_STATUS(payhsm_agreement_confirm(host->ctx, m2, &received, &info, m3, sizeof m3, &len),
                         PAYHSM_ERR_BAD_STATE);
            CHECK_OK(payhsm_agreement_begin(host->ctx, host_key, host_id, 4, terminal_id, 8, 16, m1, sizeof m1, &len));
            CHECK_STATUS(payhsm_agreement_finish(host->ctx, NULL, &received, &info), PAYHSM_ERR_NULL_POINTER);
            CHECK_OK(payhsm_agreement_answer(terminal->ctx, terminal_key, host_id, 4, terminal_id, 8, 16, m1, m2,
                                             PAYHSM_AGREEMENT_M2_LEN, &len));
            CHECK_STATUS(payhsm_agreement_unauthenticated_finish(terminal->ctx, NULL, 65, PAYHSM_KDF_ONE_STEP_SHA512, shared,
                                                                 5, 16, 'D', &received, &info),
                         PAYHSM_ERR_NULL_POINTER);
            CHECK_OK(payhsm_agreement_confirm(host->ctx, m2, &given, &here, m3, sizeof m3, &len));
            CHECK_OK(payhsm_agreement_finish(terminal->ctx, m3, &taken, &there));
        } else if (way == 1) {
            CHECK_OK(payhsm_key_generate(host->ctx, &signature, 32, &host_key, &info));
            CHECK_OK(payhsm_key_generate(terminal->ctx, &signature, 32, &terminal_key, &info));
            CHECK(info.len == 32 && info.kcv_len == 0);
            CHECK_OK(payhsm_key_public(host->ctx, host_key, host_public, sizeof host_public, &len));
            CHECK(len == PAYHSM_EC_PUBLIC_LEN && host_public[0] == 4);
            CHECK_OK(payhsm_key_public(terminal->ctx, terminal_key, terminal_public, sizeof terminal_public, &len));
            CHECK_OK(payhsm_agreement_begin_signed(host->ctx, host_key, host_id, 4, terminal_id, 8, 16, m1, sizeof m1,
                                                   &len));
            CHECK_OK(payhsm_agreement_answer_signed(terminal->ctx, terminal_key, host_public, 65, host_id, 4, terminal_id,
                                                    8, 16, m1, m2, sizeof m2, &len));
            CHECK(len == PAYHSM_AGREEMENT_SIGNED_M2_LEN && terminal->asked == PAYHSM_ASK_PEER_KEY);
            CHECK_OK(payhsm_agreement_confirm_signed(host->ctx, terminal_public, 65, m2, &given, &here, m3, sizeof m3,
                                                     &len));
            CHECK(len == PAYHSM_AGREEMENT_SIGNED_M3_LEN && host->asked == PAYHSM_ASK_PEER_KEY);
            CHECK_OK(payhsm_agreement_finish_signed(terminal->ctx, m3, &taken, &there));
        } else {
            CHECK_OK(payhsm_agreement_unauthenticated_begin(host->ctx, host_public, sizeof host_public, &len));
            CHECK_OK(payhsm_agreement_unauthenticated_begin(terminal->ctx, terminal_public, sizeof terminal_public, &len));
            CHECK_OK(payhsm_agreement_unauthenticated_finish(host->ctx, terminal_public, 65, PAYHSM_KDF_ONE_STEP_SHA512,
                                                             shared, 5, 16, 'E', &given, &here));
            CHECK(host->asked == PAYHSM_ASK_UNAUTHENTICATED_GIVE);
            CHECK_OK(payhsm_agreement_unauthenticated_finish(terminal->ctx, host_public, 65, PAYHSM_KDF_ONE_STEP_SHA512,
                                                             shared, 5, 16, 'D', &taken, &there));
            CHECK(terminal->asked == PAYHSM_ASK_UNAUTHENTICATED_TAKE);
            CHECK_OK(payhsm_agreement_unauthenticated_begin(host->ctx, host_public, sizeof host_public, &len));
            CHECK_STATUS(payhsm_agreement_unauthenticated_finish(host->ctx, terminal_public, 65, 7, shared, 5, 16, 'E',
                                                                 &received, &info),
                         PAYHSM_ERR_INVALID_ARGUMENT);
            CHECK_OK(payhsm_agreement_abort(host->ctx));
        }
        CHECK(here.kcv_len == 5 && memcmp(here.kcv, there.kcv, 5) == 0);
        CHECK(here.attributes.mode == 'E' && there.attributes.mode == 'D' && there.attributes.exportability == 'N');
        CHECK_OK(payhsm_key_export(host->ctx, given, sent, block, sizeof block, &len));
        CHECK_OK(payhsm_key_import(terminal->ctx, taken, PAYHSM_PROFILE_X9_143_STRICT, block, len, &received, &info));
        CHECK_OK(payhsm_key_erase(terminal->ctx, received));
    }
    end(host);
    end(terminal);
}

/* A key goes on to another party, narrower; what says more than is expected, or is not narrower, is refused. */
static void narrower_key_blocks(void)
{
    static const payhsm_key_attributes_t pair = {{'S', '0'}, 'E', 'S', {'0', '0'}, 'E', 0};
#define EXPORT sizeof(payhsm_export_t)
    static const payhsm_export_t as_it_is = {EXPORT, 0, 0, 0, 0, 0}, unknown_flag = {EXPORT, 0x80, 0, 0, 0, 0};
    static const payhsm_export_t asked = {EXPORT, PAYHSM_EXPORT_KEY_CHECK | PAYHSM_EXPORT_EXCHANGE_ONLY, 'D', 'V', 'N', 0};
    static const payhsm_export_t wider = {EXPORT, 0, 0, 'B', 0, 0}, version_b = {EXPORT, 0, 'B', 0, 0, 0};
    static const payhsm_export_t no_mode = {EXPORT, 0, 0, '?', 0, 0}, reserved = {EXPORT, 0, 0, 0, 0, 1};
    payhsm_key_attributes_t expected = {{'M', '6'}, 'A', 'C', {'0', '0'}, 'E', 0};
    device_t *device = start();
    uint32_t in = enter(device, "K1", 'A', 'B', "88E1AB2A2E3DD38C1FA039A536500CC8");
    uint32_t out = enter(device, "K1", 'A', 'B', "3F419E1CB7079442AA37474C2EFBF8B9"), key = 0, again = 0;
    payhsm_key_info_t *info = guarded(sizeof *info, 0);
    uint8_t block[PAYHSM_KEY_BLOCK_MAX_LEN], next[PAYHSM_KEY_BLOCK_MAX_LEN], public_key[PAYHSM_EC_PUBLIC_LEN];
    size_t len, next_len;

    CHECK_OK(payhsm_key_generate(device->ctx, &expected, 16, &key, info));
    CHECK(info->kcv_len == 5);
    CHECK_OK(payhsm_key_check(device->ctx, key, PAYHSM_CHECK_CMAC, info->kcv, 5));
    CHECK_OK(payhsm_key_check(device->ctx, key, PAYHSM_CHECK_CMAC, info->kcv, 3));
    CHECK_STATUS(payhsm_key_check(device->ctx, key, PAYHSM_CHECK_CMAC, info->kcv, 4), PAYHSM_ERR_INVALID_LENGTH);
    CHECK_STATUS(payhsm_key_check(device->ctx, key, PAYHSM_CHECK_LEGACY, info->kcv, 3), PAYHSM_ERR_ALGORITHM_MISMATCH);
    CHECK_STATUS(payhsm_key_check(device->ctx, key, 3, info->kcv, 3), PAYHSM_ERR_INVALID_ARGUMENT);
    info->kcv[0] ^= 1;
    CHECK_STATUS(payhsm_key_check(device->ctx, key, PAYHSM_CHECK_CMAC, info->kcv, 5), PAYHSM_ERR_VERIFICATION_FAILED);

    CHECK_OK(payhsm_key_export_as(device->ctx, in, key, &asked, text("LB09key 7TS1320261125000000Z"), 28, block, sizeof block,
                                  &len));
    CHECK(memcmp(block, "D", 1) == 0 && memcmp(block + 5, "M6AV00N", 7) == 0 && block[14] == '2');
    CHECK_STATUS(payhsm_key_export_as(device->ctx, in, key, &as_it_is, text("KC0800AB"), 8, block, sizeof block, &len),
                 PAYHSM_ERR_KEY_BLOCK_OPTIONAL);
    CHECK_STATUS(payhsm_key_export_as(device->ctx, in, key, &as_it_is, text("LB09key"), 7, block, sizeof block, &len),
                 PAYHSM_ERR_KEY_BLOCK_OPTIONAL);
    CHECK_STATUS(payhsm_key_export_as(device->ctx, in, key, &wider, NULL, 0, block, sizeof block, &len),
                 PAYHSM_ERR_MODE_NOT_PERMITTED);
    CHECK_STATUS(payhsm_key_export_as(device->ctx, in, key, &no_mode, NULL, 0, block, sizeof block, &len),
                 PAYHSM_ERR_KEY_BLOCK_MODE);
    CHECK_STATUS(payhsm_key_export_as(device->ctx, in, key, &version_b, NULL, 0, block, sizeof block, &len),
                 PAYHSM_ERR_ALGORITHM_MISMATCH);
    CHECK_STATUS(payhsm_key_export_as(device->ctx, in, key, &unknown_flag, NULL, 0, block, sizeof block, &len),
                 PAYHSM_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(payhsm_key_export_as(device->ctx, in, key, &reserved, NULL, 0, block, sizeof block, &len),
                 PAYHSM_ERR_INVALID_ARGUMENT);

    /* From one protection key to the other, and in with what is expected of it. */
    CHECK_OK(payhsm_key_export(device->ctx, in, key, block, sizeof block, &len));
    CHECK_OK(payhsm_key_translate(device->ctx, in, PAYHSM_PROFILE_X9_143_STRICT, block, len, out, &asked, NULL, 0, next,
                                  sizeof next, &next_len));
    CHECK(memcmp(next + 5, "M6AV00N", 7) == 0);
    CHECK_STATUS(payhsm_key_translate(device->ctx, in, PAYHSM_PROFILE_X9_143_STRICT, next, next_len, out, &as_it_is, NULL, 0,
                                      block, sizeof block, &len),
                 PAYHSM_ERR_EXPORT_NOT_PERMITTED);
    CHECK(len == 0 && all_zero(block, sizeof block));
    CHECK_OK(payhsm_key_erase(device->ctx, key));
    expected.mode = 'G';
    CHECK_STATUS(payhsm_key_import_as(device->ctx, out, PAYHSM_PROFILE_X9_143_STRICT, next, next_len, &expected, &again, info),
                 PAYHSM_ERR_MODE_NOT_PERMITTED);
    CHECK(again == 0 && all_zero(info, sizeof *info));
    expected.mode = 'C';
    CHECK_OK(payhsm_key_import_as(device->ctx, out, PAYHSM_PROFILE_X9_143_STRICT, next, next_len, &expected, &again, info));
    CHECK(info->attributes.mode == 'V' && info->attributes.exportability == 'N');
    CHECK_STATUS(payhsm_key_public(device->ctx, again, public_key, sizeof public_key, &len), PAYHSM_ERR_USAGE_NOT_PERMITTED);

    /* A signature key: made here, wrapped, taken in again. */
    CHECK_OK(payhsm_key_generate(device->ctx, &pair, 32, &key, info));
    CHECK(info->len == 32 && info->kcv_len == 0);
    CHECK_OK(payhsm_key_public(device->ctx, key, public_key, sizeof public_key, &len));
    CHECK(len == PAYHSM_EC_PUBLIC_LEN && public_key[0] == 4);
    CHECK_OK(payhsm_key_export(device->ctx, out, key, block, sizeof block, &len));
    CHECK_OK(payhsm_key_import(device->ctx, out, PAYHSM_PROFILE_X9_143_STRICT, block, len, &again, info));
    CHECK_OK(payhsm_key_public(device->ctx, again, next, sizeof next, &next_len));
    CHECK(next_len == sizeof public_key && memcmp(next, public_key, next_len) == 0);
    end(device);
}

#include "selfcheck_card.h"
#include "selfcheck_life.h"

static void texts(void)
{
    CHECK(payhsm_abi_version() == PAYHSM_ABI_VERSION);
    CHECK(strcmp(payhsm_status_text(PAYHSM_OK), "success") == 0);
    CHECK(strcmp(payhsm_status_text(PAYHSM_ERR_VERIFICATION_FAILED), "verification failed") == 0);
    CHECK(payhsm_status_text(12345) != NULL && payhsm_status_text(INT32_MIN) != NULL);
}

static void utilities(void)
{
    static const uint8_t one[] = "4761739001010010", other[] = "4761739001010011";
    uint8_t shown[PAYHSM_PAN_MAX_LEN];

    CHECK(payhsm_ctx_size(8, 2) == PAYHSM_CTX_SIZE(8, 2) && payhsm_ctx_size(256, 256) == PAYHSM_CTX_SIZE(256, 256));
    CHECK(payhsm_ctx_size(0, 2) == 0 && payhsm_ctx_size(257, 0) == 0 && payhsm_ctx_size(1, 257) == 0);
    CHECK(payhsm_ctx_align() == PAYHSM_CTX_ALIGN);
    CHECK_OK(payhsm_ct_eq(one, one, 16));
    CHECK_OK(payhsm_ct_eq(one, other, 15));
    CHECK_STATUS(payhsm_ct_eq(one, other, 16), PAYHSM_ERR_VERIFICATION_FAILED);
    CHECK_STATUS(payhsm_ct_eq(one, other, 0), PAYHSM_ERR_INVALID_LENGTH);
    CHECK_OK(payhsm_pan_check(one, 16));
    CHECK_STATUS(payhsm_pan_check(other, 16), PAYHSM_ERR_INVALID_DIGIT);
    CHECK_STATUS(payhsm_pan_check(text("47617390 0101001"), 16), PAYHSM_ERR_INVALID_PAN);
    CHECK_OK(payhsm_pan_mask(one, 16, shown));
    CHECK(memcmp(shown, "476173******0010\0\0\0", sizeof shown) == 0);
    CHECK_STATUS(payhsm_pan_mask(one, 0, shown), PAYHSM_ERR_INVALID_PAN);
    CHECK(all_zero(shown, sizeof shown));
}

int main(void)
{
    texts();
    utilities();
    dukpt_tdes();
    dukpt_aes();
    dukpt_choices();
    ksns();
    pvv();
    card_values();
    card_scripts();
    ibm3624();
    translations();
    macs_and_data();
    key_blocks();
    abandoned_ceremony();
    working_keys();
    agreements();
    narrower_key_blocks();
    card_answer();
    offline();
    self_tests();
    users();
    tampered();
    return check_end("selfcheck");
}
