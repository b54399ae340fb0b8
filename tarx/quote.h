/* Bytes that may be anything, made fit for a terminal or for JSON. */
#ifndef TARX_QUOTE_H
#define TARX_QUOTE_H

#include <stdbool.h>
#include <stdio.h>

/* Whether the person's locale (LC_ALL, LC_CTYPE, LANG) reads UTF-8. tarx itself never leaves the C
 * locale: to it names are bytes. */
bool tarx_quote_speaks_utf8(void);

/* A member's name as GNU tar lists it: backslash doubled, control characters as \n or \ooo, and
 * what is no character in the locale as \ooo. */
void tarx_quote_name(FILE *out, const char *name, bool utf8);

/* A message: only what could steer a terminal is replaced. */
void tarx_quote_message(FILE *out, const char *text);

/* A JSON string with its quotation marks; bytes that are no UTF-8 become U+FFFD. */
void tarx_quote_json(FILE *out, const char *text);

#endif
