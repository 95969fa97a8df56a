/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "message.h"

#include <string.h>

void put_number(uint8_t out[SEQUENCE_LEN], uint32_t number)
{
    out[0] = (uint8_t)(number >> 24);
    out[1] = (uint8_t)(number >> 16);
    out[2] = (uint8_t)(number >> 8);
    out[3] = (uint8_t)number;
}

uint32_t get_number(const uint8_t in[SEQUENCE_LEN])
{
    return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | in[3];
}

void message_add(message_t *message, uint8_t tag, const uint8_t *value, size_t len)
{
    if ((message->len == 0 && tag != TAG_TYPE) || len > 255 || len + 2 > sizeof message->bytes - message->len) {
        message->len = 0;
        return;
    }
    message->bytes[message->len] = tag;
    message->bytes[message->len + 1] = (uint8_t)len;
    memcpy(message->bytes + message->len + 2, value, len);
    message->len += 2 + len;
}

void message_begin(message_t *message, uint8_t type, uint32_t sequence)
{
    uint8_t number[SEQUENCE_LEN];

    memset(message, 0, sizeof *message);
    put_number(number, sequence);
    message_add(message, TAG_TYPE, &type, 1);
    message_add(message, TAG_SEQUENCE, number, sizeof number);
}

const uint8_t *message_find(const message_t *message, uint8_t tag, size_t *len)
{
    const uint8_t *found = NULL;
    size_t at = 0;

    *len = 0;
    while (at < message->len) {
        size_t rest = message->len - at, value_len;

        if (rest < 2 || message->bytes[at + 1] > rest - 2) {
            return NULL;
        }
        value_len = message->bytes[at + 1];
        if (message->bytes[at] == tag) {
            if (found != NULL) {
                return NULL;
            }
            found = message->bytes + at + 2;
            *len = value_len;
        }
        at += 2 + value_len;
    }
    return found;
}

const uint8_t *message_find_exactly(const message_t *message, uint8_t tag, size_t len)
{
    size_t found_len;
    const uint8_t *found = message_find(message, tag, &found_len);

    return found != NULL && found_len == len ? found : NULL;
}

size_t message_authenticated(const message_t *message)
{
    const uint8_t *mac = message_find_exactly(message, TAG_MAC, MAC_LEN);

    if (mac == NULL || mac + MAC_LEN != message->bytes + message->len) {
        return 0;
    }
    return (size_t)(mac - message->bytes) - 2;
}
