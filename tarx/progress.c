#include "tarx/progress.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define SECOND    1000000000u
#define INTERVAL  (SECOND / 10)
#define LINE_ROOM 256
#define BAR_LEAST 10u /* columns; a shorter bar tells nothing */
#define BAR_MOST  40u

/* ------------------------------------------------------------------ the text */

/* "999 B", "1.2 GB": three digits at most. */
static void put_size(char *to, size_t room, double n)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
	size_t unit = 0;

	while (n >= 999.5 && unit < sizeof(units) / sizeof(*units) - 1) {
		n /= 1000;
		unit++;
	}
	snprintf(to, room, unit > 0 && n < 9.95 ? "%.1f %s" : "%.0f %s", n, units[unit]);
}

/* "0:07", "12:34", "5:00:00" */
static void put_time(char *to, size_t room, double seconds)
{
	uint64_t s = seconds < 1e9 ? (uint64_t)(seconds + 0.5) : 1000000000u;

	if (s < 3600)
		snprintf(to, room, "%" PRIu64 ":%02" PRIu64, s / 60, s % 60);
	else
		snprintf(to, room, "%" PRIu64 ":%02" PRIu64 ":%02" PRIu64, s / 3600, s / 60 % 60,
			 s % 60);
}

static void put_bar(char *to, size_t columns, double part)
{
	size_t inside = columns - 2, done = (size_t)((double)inside * part);

	to[0] = '[';
	memset(to + 1, '#', done);
	memset(to + 1 + done, '.', inside - done);
	to[columns - 1] = ']';
	to[columns] = '\0';
}

/* Adds PIECE behind two spaces, where there is still room for it. */
static void add_piece(char *to, size_t width, const char *piece)
{
	size_t len = strlen(to);

	if (len + 2 + strlen(piece) <= width)
		sprintf(to + len, "%s%s", len ? "  " : "", piece);
}

/* "43%  1.2 GB  12345 files  850 MB/s  0:12 left", or less of it. */
static void put_words(char *to, size_t width, const struct tarx_progress_facts *facts, double part)
{
	const double bytes = (double)facts->bytes, seconds = facts->seconds;
	char piece[64], number[32];

	*to = '\0';
	if (facts->total) {
		snprintf(piece, sizeof(piece), "%3.0f%%", part * 100);
		add_piece(to, width, piece);
	}
	if (facts->bytes) {
		put_size(number, sizeof(number), bytes);
		add_piece(to, width, number);
	}
	snprintf(piece, sizeof(piece), "%" PRIu64 " file%s", facts->members,
		 facts->members == 1 ? "" : "s");
	add_piece(to, width, piece);
	if (facts->bytes && seconds > 0) {
		put_size(number, sizeof(number), bytes / seconds);
		snprintf(piece, sizeof(piece), "%s/s", number);
		add_piece(to, width, piece);
	}
	put_time(number, sizeof(number), part > 0 ? seconds / part - seconds : seconds);
	snprintf(piece, sizeof(piece), "%s%s", number, part > 0 ? " left" : "");
	add_piece(to, width, piece);
}

void tarx_progress_line(char *to, size_t room, size_t width,
			const struct tarx_progress_facts *facts)
{
	double part = facts->total ? (double)facts->at / (double)facts->total : 0;
	char words[LINE_ROOM], bar[BAR_MOST + 1];
	size_t left;

	part = part > 1 ? 1 : part;
	width = width < room ? width : room - 1;
	width = width < sizeof(words) ? width : sizeof(words) - 1;
	put_words(words, width, facts, part);
	left = width - strlen(words);
	if (!facts->total || left <= BAR_LEAST) {
		snprintf(to, room, "%s", words);
		return;
	}
	put_bar(bar, left - 1 < BAR_MOST ? left - 1 : BAR_MOST, part);
	snprintf(to, room, "%s %s", bar, words);
}

/* ------------------------------------------------------------------ the terminal */

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (uint64_t)ts.tv_sec * SECOND + (uint64_t)ts.tv_nsec;
}

/* Asked each time: windows change. */
static size_t terminal_width(FILE *out)
{
	struct winsize size;

	return ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

static bool can_erase(FILE *out)
{
	const char *term = getenv("TERM");

	return isatty(fileno(out)) && (!term || strcmp(term, "dumb") != 0);
}

void tarx_progress_open(struct tarx_progress *progress, enum tarx_progress_when when, FILE *out)
{
	bool on = when == TARX_PROGRESS_ALWAYS || (when == TARX_PROGRESS_AUTO && can_erase(out));

	*progress = (struct tarx_progress){ .out = on ? out : NULL };
	progress->start = on ? now() : 0;
	progress->next = progress->start + INTERVAL;
}

void tarx_progress_reads(struct tarx_progress *progress, off_t from, const off_t *at, off_t total,
			 bool plain)
{
	progress->from = from;
	progress->at = at;
	progress->total = total;
	progress->plain = plain;
}

/* What goes before a line that takes the place of the bar. A window that became narrower has broken it
 * into several lines. */
static void erase(const struct tarx_progress *progress, char *to, size_t room)
{
	size_t width = terminal_width(progress->out);
	size_t above = progress->shown > width ? (progress->shown - 1) / width : 0;

	if (above > 0)
		snprintf(to, room, "\r\033[%zuA\033[J", above);
	else
		snprintf(to, room, "\r\033[K");
}

static void draw(struct tarx_progress *progress, uint64_t when)
{
	struct tarx_progress_facts facts = {
		.bytes = progress->bytes + progress->moving,
		.members = progress->members,
		.seconds = (double)(when - progress->start) / SECOND,
	};
	char line[LINE_ROOM], text[LINE_ROOM + 32];

	if (progress->at) {
		facts.at = (uint64_t)(progress->from + *progress->at) +
			   (progress->plain ? progress->moving : 0);
		facts.total = (uint64_t)progress->total;
	}
	/* The last column stays free: some terminals go to the next line behind it. */
	tarx_progress_line(line, sizeof(line), terminal_width(progress->out) - 1, &facts);
	erase(progress, text, sizeof(text));
	strcat(text, line);
	fputs(text, progress->out);
	fflush(progress->out);
	progress->shown = strlen(line);
}

static void look_at_clock(struct tarx_progress *progress)
{
	uint64_t when = now();

	if (when < progress->next)
		return;
	progress->next = when + INTERVAL;
	draw(progress, when);
}

void tarx_progress_moved(void *data, off_t n)
{
	struct tarx_progress *progress = data;

	progress->moving += (uint64_t)n;
	if (progress->out)
		look_at_clock(progress);
}

void tarx_progress_member(struct tarx_progress *progress, uint64_t bytes)
{
	if (!progress->out)
		return;
	progress->bytes = bytes;
	progress->moving = 0;
	progress->members++;
	look_at_clock(progress);
}

void tarx_progress_hide(struct tarx_progress *progress)
{
	char text[32];

	if (!progress->shown)
		return;
	erase(progress, text, sizeof(text));
	fputs(text, progress->out);
	fflush(progress->out);
	progress->shown = 0;
}
