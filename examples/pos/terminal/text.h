/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Lines for the display, without stdio. */
#ifndef TEXT_H
#define TEXT_H

#include <stddef.h>
#include <stdint.h>

#define TEXT_MAX 48u

/* Always terminated; what does not fit is cut off. */
typedef struct text {
    char line[TEXT_MAX + 1];
    size_t len;
} text_t;

void text_begin(text_t *text);
void text_put(text_t *text, const char *string);
/* An amount in the minor unit with two decimals. */
void text_put_amount(text_t *text, uint64_t amount);

#endif
