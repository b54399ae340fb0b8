#include "align/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A noun of which fewer bytes would be left is not worth the room. */
#define NOUN_LEAST 16

static void append(char *text, const char *more)
{
	size_t used = strlen(text);

	snprintf(text + used, TX_ERR_ROOM - used, "%s", more);
}

int tx_fail(struct tx_err *err, int errnum, const char *fmt, ...)
{
	char reason[128];
	va_list args;

	err->code = errnum;
	va_start(args, fmt);
	/* What was tried may be long, why it failed must still fit behind it. */
	vsnprintf(err->text, TX_ERR_ROOM - sizeof(reason) - 2, fmt, args);
	va_end(args);
	append(err->text, ": ");
	append(err->text, strerror_r(errnum, reason, sizeof(reason)));
	return -errnum;
}

int tx_reject(struct tx_err *err, int errnum, const char *fmt, ...)
{
	va_list args;

	err->code = errnum;
	va_start(args, fmt);
	vsnprintf(err->text, TX_ERR_ROOM, fmt, args);
	va_end(args);
	return -errnum;
}

/* Writes NOUN into ROOM bytes; one that does not fit keeps its beginning and its end. */
static void put_shortened(char *to, size_t room, const char *noun)
{
	size_t len = strlen(noun), half;

	if (len < room) {
		memcpy(to, noun, len + 1);
		return;
	}
	half = (room - 4) / 2;
	snprintf(to, room, "%.*s...%s", (int)half, noun, noun + len - half);
}

int tx_wrap(struct tx_err *err, const char *fmt, ...)
{
	char reason[TX_ERR_ROOM], *noun = NULL;
	size_t room;
	va_list args;
	int len;

	va_start(args, fmt);
	len = vasprintf(&noun, fmt, args);
	va_end(args);
	if (len < 0)
		return -err->code;
	memcpy(reason, err->text, sizeof(reason));
	room = TX_ERR_ROOM - strlen(reason);
	if (room > NOUN_LEAST + 2) {
		room -= 2;
		put_shortened(err->text, room, noun);
		append(err->text, ": ");
		append(err->text, reason);
	}
	free(noun);
	return -err->code;
}
