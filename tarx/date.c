#include "tarx/date.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DAY 86400

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Reads a number of LEAST to MOST digits. Returns behind it, or NULL. */
static const char *read_number(const char *at, int least, int most, int *number)
{
	int n = 0;

	for (*number = 0; n < most && is_digit(at[n]); n++)
		*number = *number * 10 + (at[n] - '0');
	return n < least ? NULL : at + n;
}

/* ".5", ",5" or nothing. Returns behind it, or NULL: no digit. */
static const char *read_fraction(const char *at, long *nsec)
{
	long unit = 100000000;

	*nsec = 0;
	if (*at != '.' && *at != ',')
		return at;
	if (!is_digit(at[1]))
		return NULL;
	for (at++; is_digit(*at); at++, unit /= 10)
		*nsec += (*at - '0') * unit;
	return at;
}

static int read_seconds(const char *at, struct timespec *when)
{
	bool negative = *at == '-';
	intmax_t seconds = 0;
	long nsec;

	at += negative || *at == '+';
	if (!is_digit(*at))
		return -1;
	for (; is_digit(*at); at++)
		if (__builtin_mul_overflow(seconds, 10, &seconds) ||
		    __builtin_add_overflow(seconds, *at - '0', &seconds))
			return -1;
	at = read_fraction(at, &nsec);
	if (!at || *at)
		return -1;
	when->tv_sec = negative ? -seconds : seconds;
	when->tv_nsec = nsec;
	if (negative && nsec) {
		when->tv_sec--;
		when->tv_nsec = 1000000000 - nsec;
	}
	return 0;
}

static int read_word(const char *text, const struct timespec *now, struct timespec *when)
{
	static const struct {
		const char *word;
		int days;
	} words[] = { { "now", 0 }, { "today", 0 }, { "yesterday", -1 }, { "tomorrow", 1 } };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (strcasecmp(text, words[i].word) != 0)
			continue;
		*when = *now;
		when->tv_sec += words[i].days * DAY;
		return 0;
	}
	return -1;
}

/* "2020-01-02" or "20200102". */
static const char *read_day(const char *at, struct tm *tm)
{
	bool dashes = strlen(at) > 4 && at[4] == '-';
	int least = dashes ? 1 : 2;

	at = read_number(at, 4, 4, &tm->tm_year);
	if (at)
		at = read_number(at + dashes, least, 2, &tm->tm_mon);
	if (at && dashes && *at++ != '-')
		return NULL;
	if (at)
		at = read_number(at, least, 2, &tm->tm_mday);
	tm->tm_year -= 1900;
	tm->tm_mon -= 1;
	return at;
}

/* "03:04" or "03:04:05.6". */
static const char *read_clock(const char *at, struct tm *tm, long *nsec)
{
	at = read_number(at, 1, 2, &tm->tm_hour);
	if (!at || *at != ':')
		return NULL;
	at = read_number(at + 1, 1, 2, &tm->tm_min);
	if (!at || *at != ':')
		return at;
	at = read_number(at + 1, 1, 2, &tm->tm_sec);
	return at ? read_fraction(at, nsec) : NULL;
}

/* "Z", "UTC", "GMT", "+hh", "+hhmm" or "+hh:mm": seconds east of Greenwich. */
static const char *read_zone(const char *at, int *east)
{
	int sign = *at == '-' ? -1 : 1, hours, minutes = 0;

	*east = 0;
	if (*at == 'Z' || *at == 'z')
		return at + 1;
	if (!strncasecmp(at, "UTC", 3) || !strncasecmp(at, "GMT", 3))
		return at + 3;
	if (*at != '+' && *at != '-')
		return NULL;
	at = read_number(at + 1, 2, 2, &hours);
	if (at && (*at == ':' || is_digit(*at)))
		at = read_number(at + (*at == ':'), 2, 2, &minutes);
	if (!at || hours > 24 || minutes > 59)
		return NULL;
	*east = sign * (hours * 3600 + minutes * 60);
	return at;
}

/* mktime(3) makes a day of "2020-02-30": it is one only when it comes back as it was. */
static int to_time(const struct tm *tm, const int *east, time_t *seconds)
{
	struct tm now = *tm;

	now.tm_isdst = -1;
	*seconds = east ? timegm(&now) : mktime(&now);
	if (now.tm_year != tm->tm_year || now.tm_mon != tm->tm_mon || now.tm_mday != tm->tm_mday ||
	    now.tm_hour != tm->tm_hour || now.tm_min != tm->tm_min || now.tm_sec != tm->tm_sec)
		return -1;
	if (east)
		*seconds -= *east;
	return 0;
}

int tarx_date_parse(const char *text, const struct timespec *now, struct timespec *when)
{
	struct tm tm = { 0 };
	bool zone = false;
	long nsec = 0;
	const char *at;
	int east;

	if (*text == '@')
		return read_seconds(text + 1, when);
	if (!is_digit(*text))
		return read_word(text, now, when);
	at = read_day(text, &tm);
	if (at && (*at == ' ' || *at == 'T' || *at == 't'))
		at = read_clock(at + 1, &tm, &nsec);
	if (at && *at) {
		zone = true;
		at = read_zone(at + (*at == ' '), &east);
	}
	if (!at || *at || to_time(&tm, zone ? &east : NULL, &when->tv_sec) < 0)
		return -1;
	when->tv_nsec = nsec;
	return 0;
}
