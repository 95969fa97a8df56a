/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Two modules with what a device gives them: storage in RAM, entropy out of the secrets, and consent to everything. */
#include <string.h>

#include "../board.h"
#include "proof.h"

enum { SLOTS = 12, GROUPS = 2, RECORDS = 24, RECORD_LEN = 1280 };

struct device host, terminal;
DECLARED struct output out;
DECLARED struct input in;
uint32_t key, second, third, kbpk, group, sale, message;

CONTEXT static _Alignas(PAYHSM_CTX_ALIGN) uint8_t contexts[2][PAYHSM_CTX_SIZE(SLOTS, GROUPS)];
DECLARED static struct record {
    uint32_t id;
    size_t len;
    uint8_t bytes[RECORD_LEN];
} records[2][RECORDS];
DECLARED static uint8_t entered[32];
static size_t next_random;
static uint32_t self_tests = PAYHSM_SELF_TESTS_OFF;
static int no_storage_key;

static struct record *records_of(const void *user) { return records[user == &host]; }

static payhsm_status_t entropy(void *user, uint8_t *to, size_t len) {
    const struct device *device = user;
    if (device->entropy_answer != PAYHSM_OK) {
        return device->entropy_answer;
    }
    for (size_t i = 0; i < len; i++) {
        /* What a start draws begins the handles, which are no secret; the runs shall have the same. */
        to[i] = device->stuck          ? 0x55
                : device->ctx == NULL ? (uint8_t)(0x31 + 7 * i)
                                      : SECRETS->entropy[next_random++ % sizeof SECRETS->entropy];
    }
    return PAYHSM_OK;
}

static payhsm_status_t load(void *user, uint32_t id, uint8_t *to, size_t capacity, size_t *len) {
    const struct record *all = records_of(user);
    *len = 0;
    for (size_t i = 0; i < RECORDS; i++) {
        if (all[i].len != 0 && all[i].id == id && all[i].len <= capacity) {
            memcpy(to, all[i].bytes, all[i].len);
            *len = all[i].len;
        }
    }
    return PAYHSM_OK;
}

static payhsm_status_t erase(void *user, uint32_t id) {
    struct record *all = records_of(user);
    for (size_t i = 0; i < RECORDS; i++) {
        if (all[i].len != 0 && all[i].id == id) {
            memset(&all[i], 0, sizeof all[i]);
        }
    }
    return PAYHSM_OK;
}

static payhsm_status_t save(void *user, uint32_t id, const uint8_t *data, size_t len) {
    const struct device *device = user;
    struct record *all = records_of(user);
    if (device->save_answer != PAYHSM_OK || len > RECORD_LEN) {
        return -1;
    }
    erase(user, id);
    for (size_t i = 0; i < RECORDS; i++) {
        if (all[i].len == 0) {
            all[i].id = id;
            all[i].len = len;
            memcpy(all[i].bytes, data, len);
            PUBLIC(all[i].bytes, len);
            return PAYHSM_OK;
        }
    }
    return -1;
}

static payhsm_status_t decide(void *user, const payhsm_question_t *question) {
    (void)question;
    return ((const struct device *)user)->decide_answer;
}

static payhsm_status_t tick(void *user, uint64_t *milliseconds) {
    (void)user;
    *milliseconds = 1000;
    return PAYHSM_OK;
}

static payhsm_config_t config_of(struct device *device, uint32_t policy) {
    payhsm_config_t config;
    memset(&config, 0, sizeof config);
    config.size = sizeof config;
    config.abi_version = PAYHSM_ABI_VERSION;
    config.slots = SLOTS;
    config.groups = GROUPS;
    config.policy = policy;
    config.storage_key = no_storage_key ? NULL : SECRETS->keys[15];
    config.user = device;
    config.entropy = entropy;
    config.storage_load = load;
    config.storage_save = save;
    config.storage_erase = erase;
    config.decide = decide;
    config.tick = tick;
    config.pin_entry.burst = PAYHSM_RATE_UNLIMITED;
    config.self_tests = self_tests;
    return config;
}

void reopen(struct device *device, uint32_t policy) {
    const payhsm_config_t config = config_of(device, policy);
    device->ctx = NULL;
    must(payhsm_init(contexts[device == &host], sizeof contexts[0], &config, &device->ctx));
}

void restart(uint32_t policy) {
    memset(contexts, 0, sizeof contexts);
    memset(records, 0, sizeof records);
    memset(&out, 0, sizeof out);
    memset(&in, 0, sizeof in);
    memset(&host, 0, sizeof host);
    memset(&terminal, 0, sizeof terminal);
    next_random = 0;
    key = second = third = kbpk = group = sale = message = 0;
    reopen(&host, policy);
    reopen(&terminal, policy);
}

void tests_at_first_use(uint32_t mode) { self_tests = mode; }
void keep_no_storage_key(int without) { no_storage_key = without; }

void component(unsigned index, unsigned which, size_t len, uint8_t *to) {
    for (size_t i = 0; i < len; i++) {
        /* The first component is as secret as the second. */
        const uint8_t first = (uint8_t)(SECRETS->entropy[2000 + 32 * index + i]);
        to[i] = which == 0 ? first : (uint8_t)(first ^ SECRETS->keys[index][i]);
    }
}

void enter_first(struct device *device, const char *usage, char algorithm, char mode, char exportability, unsigned index,
                 size_t len) {
    payhsm_key_attributes_t attributes;
    memset(&attributes, 0, sizeof attributes);
    memcpy(attributes.usage, usage, 2);
    attributes.algorithm = (uint8_t)algorithm;
    attributes.mode = (uint8_t)mode;
    memset(attributes.version, '0', 2);
    attributes.exportability = (uint8_t)exportability;
    must(payhsm_component_begin(device->ctx, &attributes, len, 2, NULL, 0));
    component(index, 0, len, entered);
    must(payhsm_component_add(device->ctx, 1, entered, len, NULL, 0));
}

uint32_t enter(struct device *device, const char *usage, char algorithm, char mode, char exportability, unsigned index,
               size_t len) {
    static DECLARED payhsm_key_info_t info;
    uint32_t handle = 0;
    enter_first(device, usage, algorithm, mode, exportability, index, len);
    component(index, 1, len, entered);
    must(payhsm_component_add(device->ctx, 2, entered, len, NULL, 0));
    must(payhsm_component_finish(device->ctx, &handle, &info));
    return handle;
}

void other_bytes(uint8_t *bytes, size_t len) {
    PUBLIC(bytes, len);
    for (size_t i = 0; i < len; i++) {
        bytes[i] ^= 0x5A;
    }
}

void other_digits(uint8_t *digits, size_t len) {
    PUBLIC(digits, len);
    for (size_t i = 0; i < len; i++) {
        digits[i] = (uint8_t)('0' + (digits[i] - '0' + 5) % 10);
    }
}

void other_characters(uint8_t *characters, size_t len) {
    PUBLIC(characters, len);
    for (size_t i = 0; i < len; i++) {
        characters[i] = characters[i] == 'F' ? '0' : characters[i] == '9' ? 'A' : (uint8_t)(characters[i] + 1);
    }
}
