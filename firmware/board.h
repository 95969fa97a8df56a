/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the image has in place of an operating system. */
#ifndef BOARD_H
#define BOARD_H

#include <stddef.h>
#include <stdint.h>

void board_write(const char *text);
void board_write_unsigned(uint32_t value);
_Noreturn void board_exit(int status);

/* Paints the stack below the caller's frame; stack_used() then gives the bytes that were written since, counted from
 * the caller's stack pointer at the time of painting. */
void stack_paint(void);
size_t stack_used(void);
/* The deepest stack since reset, over all paintings. */
size_t stack_deepest(void);

#endif
