/* Whole texts that a person wrote for tarx: lists of names, patterns and maps. */
#ifndef TARX_TEXT_H
#define TARX_TEXT_H

#include "align/err.h"

#include <stddef.h>

/* Reads all of FILE, "-" being standard input. Returns an owned text with a NUL behind its *LEN
 * bytes; NULL: ERR says why. */
char *tarx_text_read(const char *file, size_t *len, struct tx_err *err);

/* The next line of a text that ends at END, cut off at END_OF_LINE; *AT goes on behind it. NULL: there is none. */
char *tarx_text_line(char **at, char *end, char end_of_line);

#endif
