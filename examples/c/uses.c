/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What needs no function of its own: a voucher, a confirmation code, the total of a batch, a QR order, an update, a limit
 * and a refund are a MAC over bytes that both sides write alike. And the ledger of a device: its log, keys that outlive a
 * start, a backup.
 */
#include "check.h"
#include "device.h"

#include <stdlib.h>
#include <string.h>

enum { TAG = 8, FIELDS = 64 };

/* Bytes that both sides write alike: a name, then numbers of eight bytes, the highest first. */
typedef struct {
    uint8_t bytes[FIELDS];
    size_t len;
} record_t;

static record_t record(const char *name)
{
    record_t out = {{0}, 8};

    memcpy(out.bytes, name, strlen(name));
    return out;
}

static void put(record_t *to, uint64_t number)
{
    int i;

    CHECK(to->len + 8 <= FIELDS);
    for (i = 56; i >= 0; i -= 8) {
        to->bytes[to->len++] = (uint8_t)(number >> i);
    }
}

static void sign(device_t *device, uint32_t key, const record_t *what, uint8_t tag[TAG])
{
    size_t len;

    CHECK_OK(payhsm_mac_generate(device->ctx, key, PAYHSM_MAC_CMAC, what->bytes, what->len, TAG, tag, TAG, &len));
    CHECK(len == TAG);
}

static payhsm_status_t verify(device_t *device, uint32_t key, const record_t *what, const uint8_t tag[TAG])
{
    return payhsm_mac_verify(device->ctx, key, PAYHSM_MAC_CMAC, what->bytes, what->len, tag, TAG);
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

/* The same MAC key at both ends; one key for each purpose, so that no record passes for one of another kind. */
static uint32_t enter(device_t *device, const char *usage, char mode, char exportability, uint8_t seed)
{
    payhsm_key_info_t info;
    uint8_t key[16];
    uint32_t handle = 0;
    size_t i;

    for (i = 0; i < sizeof key; i++) {
        key[i] = (uint8_t)(seed + 29 * i);
    }
    CHECK_OK(device_enter(device, usage, 'A', mode, exportability, key, sizeof key, &handle, &info));
    return handle;
}

/* An electronic voucher: number, amount, order. It is worth something once: who takes it keeps the numbers. */
static void voucher(device_t *issuer, device_t *shop)
{
    const uint32_t make = enter(issuer, "M6", 'G', 'N', 1), check = enter(shop, "M6", 'V', 'N', 1);
    record_t it = record("voucher");
    uint8_t tag[TAG];

    put(&it, 1);    /* number */
    put(&it, 5000); /* amount */
    put(&it, 7001); /* order */
    sign(issuer, make, &it, tag);
    CHECK_OK(verify(shop, check, &it, tag));
    it.bytes[23] ^= 1; /* another amount */
    CHECK_STATUS(verify(shop, check, &it, tag), PAYHSM_ERR_VERIFICATION_FAILED);
}

/* A payment confirmation code: eight digits over terminal, sequence and amount. Eight digits are tried out by whoever may
 * try: count the tries. */
static uint32_t confirmation(device_t *device, uint32_t key, uint64_t terminal, uint64_t sequence, uint64_t amount)
{
    record_t it = record("confirm");
    uint8_t tag[TAG];
    uint64_t number = 0;
    size_t i;

    put(&it, terminal);
    put(&it, sequence);
    put(&it, amount);
    sign(device, key, &it, tag);
    for (i = 0; i < TAG; i++) {
        number = number << 8 | tag[i];
    }
    return (uint32_t)(number % 100000000u);
}

/* The total of a batch, and the order behind a QR code: both are what both sides know, and nothing of it can be changed. */
static void totals_and_orders(device_t *terminal, device_t *host)
{
    const uint32_t make = enter(terminal, "M6", 'G', 'N', 3), check = enter(host, "M6", 'V', 'N', 3);
    record_t total = record("batch"), order = record("QR");
    uint8_t tag[TAG], order_tag[TAG];

    put(&total, 17);     /* batch */
    put(&total, 243);    /* sales */
    put(&total, 918245); /* their sum */
    put(&total, 3);      /* refunds */
    put(&total, 12050);  /* their sum */
    sign(terminal, make, &total, tag);
    CHECK_OK(verify(host, check, &total, tag));
    put(&order, 7002);     /* order */
    put(&order, 1250);     /* amount */
    put(&order, 20261231); /* the last day */
    sign(terminal, make, &order, order_tag);
    CHECK_OK(verify(host, check, &order, order_tag));
    CHECK_STATUS(verify(host, check, &order, tag), PAYHSM_ERR_VERIFICATION_FAILED);
}

/* An update: its version must be above the last one, and its digest must be the one that was authenticated. */
static payhsm_status_t update(device_t *device, uint32_t key, uint64_t *installed, const record_t *what, uint64_t version,
                              const uint8_t tag[TAG])
{
    const payhsm_status_t status = verify(device, key, what, tag);

    if (status != PAYHSM_OK) {
        return status;
    }
    if (version <= *installed) {
        return PAYHSM_ERR_REFUSED;
    }
    *installed = version;
    return PAYHSM_OK;
}

static void updates(device_t *maker, device_t *device)
{
    const uint32_t make = enter(maker, "M6", 'G', 'N', 4), check = enter(device, "M6", 'V', 'N', 4);
    uint64_t installed = 8;
    uint64_t version;
    uint8_t tag[TAG];

    for (version = 7; version <= 9; version++) {
        record_t it = record("update");

        put(&it, version);
        put(&it, 0x1122334455667788u); /* the image's digest, which would be longer */
        sign(maker, make, &it, tag);
        CHECK_STATUS(update(device, check, &installed, &it, version, tag), version > 8 ? PAYHSM_OK : PAYHSM_ERR_REFUSED);
    }
    CHECK(installed == 9);
}

/* A limit record of the acquirer: authenticated, then kept to before a MAC or a cryptogram is made. */
static void limits(device_t *acquirer, device_t *terminal)
{
    const uint32_t make = enter(acquirer, "M6", 'G', 'N', 5), check = enter(terminal, "M6", 'V', 'N', 5);
    record_t it = record("limit");
    uint64_t spent = 0;
    const uint64_t each = 30000, day = 50000, amounts[] = {20000, 40000, 25000, 6000};
    uint8_t tag[TAG];
    size_t i, let_through = 0;

    put(&it, each);
    put(&it, day);
    sign(acquirer, make, &it, tag);
    CHECK_OK(verify(terminal, check, &it, tag));
    for (i = 0; i < sizeof amounts / sizeof *amounts; i++) {
        if (amounts[i] <= each && spent + amounts[i] <= day) {
            spent += amounts[i];
            let_through++;
        }
    }
    CHECK(let_through == 2 && spent == 45000);
}

/* A refund names the sale that it is of, under the MAC: it passes for no other one, and a void for no refund. */
static void refunds(device_t *terminal, device_t *host)
{
    const uint32_t make = enter(terminal, "M6", 'G', 'N', 6), check = enter(host, "M6", 'V', 'N', 6);
    record_t refund = record("refund"), reversal = record("void");
    uint8_t tag[TAG];

    put(&refund, 881001); /* the sale's reference */
    put(&refund, 1250);
    put(&reversal, 881001);
    put(&reversal, 1250);
    sign(terminal, make, &refund, tag);
    CHECK_OK(verify(host, check, &refund, tag));
    CHECK_STATUS(verify(host, check, &reversal, tag), PAYHSM_ERR_VERIFICATION_FAILED);
}

/* The log of a device, read out and verified by a host that got the key of the log in a key block. */
static void audit_log(device_t *device, device_t *host)
{
    const uint32_t wrap = enter(device, "K1", 'E', 'N', 7), unwrap = enter(host, "K1", 'D', 'N', 7);
    static const uint8_t nonce[16] = {9}, pan[] = "4012345678909";
    uint8_t block[256], records[16 * PAYHSM_AUDIT_RECORD_LEN], message[PAYHSM_STATUS_MESSAGE_LEN];
    payhsm_audit_position_t end;
    payhsm_audit_status_t status;
    payhsm_key_info_t info;
    payhsm_event_t event;
    uint64_t sale, next;
    uint32_t key = 0;
    size_t len, block_len, message_len;

    CHECK_STATUS(payhsm_audit_status(device->ctx, &status), PAYHSM_ERR_BAD_STATE);
    CHECK_OK(payhsm_audit_open(device->ctx, device->log, sizeof device->log, PAYHSM_AUDIT_OVERWRITE));
    CHECK_OK(payhsm_audit_key_export(device->ctx, wrap, block, sizeof block, &block_len));
    CHECK(device->asked == PAYHSM_ASK_AUDIT_KEY);
    CHECK_OK(payhsm_key_import(host->ctx, unwrap, PAYHSM_PROFILE_X9_143_STRICT, block, block_len, &key, &info));
    /* The number of the record goes with the transaction. */
    CHECK_OK(payhsm_audit_note(device->ctx, (const uint8_t *)"sale 017", pan, 13, &sale));
    CHECK_OK(payhsm_audit_read(device->ctx, 0, records, sizeof records, &len, &next));
    CHECK(len == 3 * PAYHSM_AUDIT_RECORD_LEN && sale == 3 && next == 4);
    CHECK_OK(payhsm_audit_status(device->ctx, &status));
    CHECK_OK(payhsm_audit_verify(host->ctx, key, records, len, NULL, &status.last, &end));
    CHECK(end.sequence == 3 && memcmp(&end, &status.last, sizeof end) == 0);
    /* Cut off, altered, or not the whole. */
    CHECK_STATUS(payhsm_audit_verify(host->ctx, key, records, len - PAYHSM_AUDIT_RECORD_LEN, NULL, &status.last, &end),
                 PAYHSM_ERR_VERIFICATION_FAILED);
    records[17] ^= 1;
    CHECK_STATUS(payhsm_audit_verify(host->ctx, key, records, len, NULL, NULL, &end), PAYHSM_ERR_VERIFICATION_FAILED);
    CHECK_OK(payhsm_audit_release(device->ctx, &status.last));
    CHECK_OK(payhsm_status_message(device->ctx, nonce, message, sizeof message, &message_len));
    CHECK(message_len == PAYHSM_STATUS_MESSAGE_LEN && memcmp(message, "PHST", 4) == 0);
    CHECK_OK(payhsm_next_event(device->ctx, &event));
    CHECK(event.event == 0);
}

/* The inventory, after a start: how many keys, and the handle of the last. */
static unsigned inventory(device_t *device, uint32_t *key)
{
    payhsm_key_info_t info;
    uint32_t cursor = 0, found = 0;
    unsigned keys = 0;

    while (payhsm_key_next(device->ctx, cursor, &cursor, &found, &info) == PAYHSM_OK) {
        *key = found;
        keys++;
    }
    return keys;
}

/* A key that is narrowed, stored, found again after a start, and replaced. */
static void persistent(void)
{
    device_t *device = start();
    const record_t it = record("message");
    payhsm_narrowing_t narrowing;
    payhsm_key_bounds_t bounds;
    uint32_t key = enter(device, "M6", 'C', 'N', 8), other, session;
    uint8_t tag[TAG];
    size_t len;

    memset(&narrowing, 0, sizeof narrowing);
    narrowing.size = sizeof narrowing;
    narrowing.mode = 'G';
    narrowing.max_uses = 3;
    narrowing.valid_until = 20261231;
    narrowing.owner = 7;
    CHECK_OK(payhsm_session_open(device->ctx, 7, &session));
    CHECK_OK(payhsm_set_date(device->ctx, 20261130));
    CHECK_OK(payhsm_key_narrow(device->ctx, key, &narrowing));
    narrowing.max_uses = 4;
    CHECK_STATUS(payhsm_key_narrow(device->ctx, key, &narrowing), PAYHSM_ERR_REFUSED);
    CHECK_OK(payhsm_key_store(device->ctx, key));
    sign(device, key, &it, tag);
    CHECK_OK(payhsm_session_close(device->ctx, session));
    CHECK_OK(payhsm_close(device->ctx));

    CHECK_OK(device_start(device, 0));
    CHECK(inventory(device, &key) == 1);
    CHECK_STATUS(payhsm_key_bounds(device->ctx, key, &bounds), PAYHSM_ERR_NOT_AUTHENTICATED);
    CHECK_OK(payhsm_session_open(device->ctx, 7, &session));
    CHECK_OK(payhsm_key_bounds(device->ctx, key, &bounds));
    CHECK(bounds.uses == 1 && bounds.max_uses == 3 && bounds.owner == 7 && bounds.valid_until == 20261231);
    CHECK(bounds.flags == PAYHSM_BOUND_STORED);
    /* Nobody has said what day it is; an earlier one than before the start it never is. */
    CHECK_STATUS(payhsm_mac_generate(device->ctx, key, PAYHSM_MAC_CMAC, it.bytes, it.len, TAG, tag, TAG, &len),
                 PAYHSM_ERR_EXPIRED);
    CHECK_STATUS(payhsm_set_date(device->ctx, 20261129), PAYHSM_ERR_INVALID_ARGUMENT);
    CHECK_OK(payhsm_set_date(device->ctx, 20261130));
    sign(device, key, &it, tag);
    sign(device, key, &it, tag);
    CHECK_STATUS(payhsm_mac_generate(device->ctx, key, PAYHSM_MAC_CMAC, it.bytes, it.len, TAG, tag, TAG, &len),
                 PAYHSM_ERR_LIMIT_REACHED);
    other = enter(device, "M6", 'G', 'N', 9);
    CHECK_OK(payhsm_key_replace(device->ctx, key, other, &key));
    sign(device, key, &it, tag);
    CHECK(inventory(device, &other) == 1 && other == key);
    CHECK_OK(payhsm_key_erase(device->ctx, key));
    CHECK_OK(payhsm_close(device->ctx));
    CHECK_OK(device_start(device, 0));
    CHECK(inventory(device, &key) == 0);
    CHECK_OK(payhsm_close(device->ctx));
    free(device);
}

/* A backup of the keys that may leave. */
static void backup(void)
{
    device_t *device = start();
    const uint32_t kbpk = enter(device, "K1", 'B', 'N', 10), key = enter(device, "M6", 'C', 'E', 11);
    size_t len, saved_len;
    uint32_t keys;
    uint8_t *saved;

    CHECK_OK(payhsm_backup_len(device->ctx, &len));
    saved = malloc(len);
    if (saved == NULL) {
        abort();
    }
    CHECK_OK(payhsm_backup_write(device->ctx, kbpk, saved, len, &saved_len));
    CHECK_STATUS(payhsm_backup_restore(device->ctx, kbpk, saved, saved_len, &keys), PAYHSM_ERR_VERIFICATION_FAILED);
    CHECK_OK(payhsm_key_erase(device->ctx, key));
    device->decide_answer = 1;
    CHECK_STATUS(payhsm_backup_restore(device->ctx, kbpk, saved, saved_len, &keys), PAYHSM_ERR_REFUSED);
    CHECK(device->asked == PAYHSM_ASK_RESTORE && keys == 0);
    device->decide_answer = 0;
    CHECK_OK(payhsm_backup_restore(device->ctx, kbpk, saved, saved_len, &keys));
    CHECK(keys == 1);
    free(saved);
    CHECK_OK(payhsm_close(device->ctx));
    free(device);
}

int main(void)
{
    device_t *here = start(), *there = start();
    uint32_t make, check;

    voucher(here, there);
    make = enter(here, "M6", 'G', 'N', 2);
    check = enter(there, "M6", 'G', 'N', 2);
    CHECK(confirmation(here, make, 4711, 17, 1250) == confirmation(there, check, 4711, 17, 1250));
    CHECK(confirmation(here, make, 4711, 17, 1250) != confirmation(there, check, 4711, 17, 1251));
    totals_and_orders(here, there);
    updates(here, there);
    limits(here, there);
    refunds(here, there);
    audit_log(here, there);
    CHECK_OK(payhsm_close(here->ctx));
    CHECK_OK(payhsm_close(there->ctx));
    free(here);
    free(there);
    persistent();
    backup();
    return check_end("uses");
}
