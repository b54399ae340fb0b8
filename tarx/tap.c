#include "tarx/tap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

off_t tarx_tap_end(const struct tarx_tap *tap)
{
	return tap->start + (off_t)tap->len;
}

static void give_up_before(struct tarx_tap *tap, off_t keep)
{
	size_t gone;

	if (keep <= tap->start)
		return;
	gone = keep < tarx_tap_end(tap) ? (size_t)(keep - tap->start) : tap->len;
	tap->len -= gone;
	tap->start += (off_t)gone;
	if (tap->len > 0)
		memmove(tap->buf, tap->buf + gone, tap->len);
}

char *tarx_tap_room(struct tarx_tap *tap, off_t keep, size_t want)
{
	size_t need;
	char *buf;

	give_up_before(tap, keep);
	if (tap->len > TARX_TAP_MOST) {
		errno = E2BIG;
		return NULL;
	}
	need = tap->len + want;
	if (need > tap->room) {
		size_t room = need > 2 * tap->room ? need : 2 * tap->room;

		buf = realloc(tap->buf, room);
		if (!buf) {
			errno = ENOMEM;
			return NULL;
		}
		tap->buf = buf;
		tap->room = room;
	}
	return tap->buf + tap->len;
}

void tarx_tap_add(struct tarx_tap *tap, size_t len)
{
	tap->len += len;
}

void tarx_tap_jump(struct tarx_tap *tap, off_t at)
{
	tap->start = at;
	tap->len = 0;
}

const char *tarx_tap_bytes(const struct tarx_tap *tap, off_t at, size_t len)
{
	if (at < tap->start || at > tarx_tap_end(tap) || len > (size_t)(tarx_tap_end(tap) - at))
		return NULL;
	return tap->buf + (at - tap->start);
}

void tarx_tap_release(struct tarx_tap *tap)
{
	free(tap->buf);
	*tap = (struct tarx_tap){ 0 };
}
