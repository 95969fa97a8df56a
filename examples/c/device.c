/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "device.h"

#include <stdio.h>
#include <string.h>

static payhsm_status_t device_entropy(void *user, uint8_t *out, size_t len)
{
    device_t *device = user;
    FILE *source;
    size_t got;

    if (device->visit != NULL) {
        device->visit(device);
    }
    if (device->entropy_answer != 0) {
        return device->entropy_answer;
    }
    source = fopen("/dev/urandom", "rb");
    if (source == NULL) {
        return 1;
    }
    got = fread(out, 1, len, source);
    fclose(source);
    return got == len ? 0 : 1;
}

static payhsm_status_t device_load(void *user, uint32_t id, uint8_t *out, size_t capacity, size_t *len)
{
    device_t *device = user;
    size_t i;

    *len = 0;
    for (i = 0; i < DEVICE_RECORDS; i++) {
        if (device->records[i].len != 0 && device->records[i].id == id) {
            if (device->records[i].len > capacity) {
                return 1;
            }
            memcpy(out, device->records[i].bytes, device->records[i].len);
            *len = device->records[i].len;
        }
    }
    return 0;
}

static payhsm_status_t device_erase(void *user, uint32_t id)
{
    device_t *device = user;
    size_t i;

    for (i = 0; i < DEVICE_RECORDS; i++) {
        if (device->records[i].id == id) {
            memset(&device->records[i], 0, sizeof device->records[i]);
        }
    }
    return 0;
}

static payhsm_status_t device_save(void *user, uint32_t id, const uint8_t *data, size_t len)
{
    device_t *device = user;
    size_t i;

    if (device->visit != NULL) {
        device->visit(device);
    }
    if (device->save_answer != 0 || len > DEVICE_RECORD_LEN) {
        return 1;
    }
    device_erase(user, id);
    for (i = 0; i < DEVICE_RECORDS; i++) {
        if (device->records[i].len == 0) {
            device->records[i].id = id;
            device->records[i].len = len;
            memcpy(device->records[i].bytes, data, len);
            return 0;
        }
    }
    return 1;
}

static payhsm_status_t device_decide(void *user, const payhsm_question_t *question)
{
    device_t *device = user;

    device->asked = question->kind;
    if (device->visit != NULL) {
        device->visit(device);
    }
    return device->decide_answer;
}

static payhsm_status_t device_tick(void *user, uint64_t *milliseconds)
{
    device_t *device = user;

    if (device->visit != NULL) {
        device->visit(device);
    }
    *milliseconds = device->now;
    return 0;
}

void *device_memory(device_t *device)
{
    uint8_t *memory = (uint8_t *)device->memory;

    while ((uintptr_t)memory % PAYHSM_CTX_ALIGN != 0) {
        memory++;
    }
    return memory;
}

payhsm_config_t device_config(device_t *device, uint32_t policy)
{
    /* Where a device keeps it: in fuses or in a secure element, never in its program. */
    static const uint8_t storage_key[PAYHSM_STORAGE_KEY_LEN] = {
        0xD0, 0xE1, 0xF2, 0xA3, 0xB4, 0xC5, 0xD6, 0xE7, 0xF8, 0xA9, 0xBA, 0xCB, 0xDC, 0xED, 0xFE, 0xAF,
        0x10, 0x21, 0x32, 0x43, 0x54, 0x65, 0x76, 0x87, 0x98, 0xA9, 0xBA, 0xCB, 0xDC, 0xED, 0xFE, 0x0F,
    };
    payhsm_config_t config;

    memset(&config, 0, sizeof config);
    config.size = sizeof config;
    config.abi_version = PAYHSM_ABI_VERSION;
    config.slots = DEVICE_SLOTS;
    config.groups = DEVICE_GROUPS;
    config.policy = policy;
    config.storage_key = storage_key;
    config.user = device;
    config.entropy = device_entropy;
    config.storage_load = device_load;
    config.storage_save = device_save;
    config.storage_erase = device_erase;
    config.decide = device_decide;
    config.tick = device_tick;
    /* A terminal leaves this out: the default is ten PINs at once, and one in 30 seconds on average. */
    config.pin_entry.burst = PAYHSM_RATE_UNLIMITED;
    return config;
}

payhsm_status_t device_start(device_t *device, uint32_t policy)
{
    payhsm_config_t config = device_config(device, policy);

    return payhsm_init(device_memory(device), PAYHSM_CTX_SIZE(DEVICE_SLOTS, DEVICE_GROUPS), &config, &device->ctx);
}

payhsm_status_t device_enter(device_t *device, const char *usage, char algorithm, char mode, char exportability,
                             const uint8_t *key, size_t len, uint32_t *handle, payhsm_key_info_t *info)
{
    payhsm_key_attributes_t attributes;
    uint8_t first[32], second[32];
    payhsm_status_t status;
    size_t i;

    memset(&attributes, 0, sizeof attributes);
    memcpy(attributes.usage, usage, sizeof attributes.usage);
    attributes.algorithm = (uint8_t)algorithm;
    attributes.mode = (uint8_t)mode;
    attributes.version[0] = '0';
    attributes.version[1] = '0';
    attributes.exportability = (uint8_t)exportability;

    if (len > sizeof first) {
        return PAYHSM_ERR_INVALID_KEY_LENGTH;
    }
    for (i = 0; i < len; i++) {
        first[i] = (uint8_t)(0x5B * i + 0x17);
        second[i] = first[i] ^ key[i];
    }
    /* Each custodian enters a component alone; in a product these calls lie hours apart. */
    status = payhsm_component_begin(device->ctx, &attributes, len, 2, NULL, 0);
    if (status == PAYHSM_OK) {
        status = payhsm_component_add(device->ctx, 1, first, len, NULL, 0);
    }
    if (status == PAYHSM_OK) {
        status = payhsm_component_add(device->ctx, 2, second, len, NULL, 0);
    }
    if (status == PAYHSM_OK) {
        status = payhsm_component_finish(device->ctx, handle, info);
    }
    memset(first, 0, sizeof first);
    memset(second, 0, sizeof second);
    return status;
}
