#include "tarx/report.h"

#include "align/cleanup.h"
#include "tarx/quote.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>
#include <unistd.h>

void tarx_report_open(struct tarx_report *report, const struct tarx_opts *opts)
{
	bool to_stdout = opts->mode & (TARX_CREATE | TARX_REALIGN)
				 ? !strcmp(opts->archive, "-")
				 : opts->mode == TARX_EXTRACT && opts->to_stdout;

	*report = (struct tarx_report){
		.opts = opts,
		.listing = to_stdout ? stderr : stdout,
		.utf8 = -1,
		.owner_width = 19,
		.header = -1,
		.time_width = 16,
	};
	clock_gettime(CLOCK_MONOTONIC, &report->start);
	tarx_progress_open(&report->progress, opts->progress, stderr);
	report->listing_is_seen = report->progress.out && isatty(fileno(report->listing));
}

void tarx_report_watch(struct tarx_report *report, struct align_mover *mover)
{
	mover->tally = &report->tally;
	if (!report->progress.out)
		return;
	mover->moved = tarx_progress_moved;
	mover->moved_data = &report->progress;
}

/* ------------------------------------------------------------------ words */

static __attribute__((format(printf, 2, 0))) void say(struct tarx_report *report, const char *fmt,
						      va_list args)
{
	TX_FREE char *text = NULL;

	if (vasprintf(&text, fmt, args) < 0)
		text = NULL;
	tarx_progress_hide(&report->progress);
	/* What was listed so far comes first, where both go to one place. */
	fflush(report->listing);
	fputs("tarx: ", stderr);
	tarx_quote_message(stderr, text ? text : fmt);
	fputc('\n', stderr);
}

void tarx_notice(struct tarx_report *report, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(report, fmt, args);
	va_end(args);
}

bool tarx_say_once(struct tarx_report *report, enum tarx_once what)
{
	bool first = !(report->said & what);

	report->said |= what;
	return first;
}

static void fail(struct tarx_report *report, int exit_code)
{
	if (report->exit_code < exit_code)
		report->exit_code = exit_code;
}

void tarx_warning(struct tarx_report *report, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(report, fmt, args);
	va_end(args);
	tarx_warning_unsaid(report);
}

void tarx_warning_unsaid(struct tarx_report *report)
{
	report->warnings++;
	fail(report, 1);
}

void tarx_error(struct tarx_report *report, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(report, fmt, args);
	va_end(args);
	report->errors++;
	fail(report, 1);
}

int tarx_fatal(struct tarx_report *report, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(report, fmt, args);
	va_end(args);
	report->errors++;
	fail(report, 2);
	return -1;
}

/* ------------------------------------------------------------------ members */

static double seconds_since(const struct timespec *then)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - then->tv_sec) + (double)(now.tv_nsec - then->tv_nsec) / 1e9;
}

void tarx_report_begin(struct tarx_report *report)
{
	if (!report->opts->verbose_time)
		return;
	clock_gettime(CLOCK_MONOTONIC, &report->member_start);
	report->member_tally = report->tally;
}

static void put_quoted(struct tarx_report *report, const char *name)
{
	if (report->utf8 < 0)
		report->utf8 = tarx_quote_speaks_utf8();
	tarx_quote_name(report->listing, name, report->utf8);
}

static void put_name(struct tarx_report *report, const struct tarx_item *item)
{
	const char *name = item->shown ? item->shown : item->path;
	size_t len = strlen(name);
	bool slash = S_ISDIR(item->mode) && !item->hardlink && (!len || name[len - 1] != '/');

	put_quoted(report, name);
	if (slash)
		fputc('/', report->listing);
}

static const char *how_moved(const struct align_tally *before, const struct align_tally *now)
{
	bool cloned = now->cloned > before->cloned, copied = now->copied > before->copied;

	if (cloned && copied)
		return "cloned+copied";
	return cloned ? "cloned" : copied ? "copied" : "-";
}

/* Before and after a line of the listing: the bar gives way. */
static void give_way(struct tarx_report *report)
{
	if (report->listing_is_seen)
		tarx_progress_hide(&report->progress);
}

static void end_line(struct tarx_report *report)
{
	fputc('\n', report->listing);
	if (report->listing_is_seen)
		fflush(report->listing);
}

/* "NAME BYTES B SECONDS s SPEED GB/s HOW" */
static void put_times(struct tarx_report *report, const struct tarx_item *item)
{
	double seconds = seconds_since(&report->member_start);
	double speed = seconds > 0 ? (double)item->size / seconds / 1e9 : 0;

	give_way(report);
	put_name(report, item);
	fprintf(report->listing, " %jd B %.6f s %.3f GB/s %s", (intmax_t)item->size, seconds, speed,
		how_moved(&report->member_tally, &report->tally));
	end_line(report);
}

static void count(struct tarx_report *report)
{
	const struct align_tally *t = &report->tally;

	tarx_progress_member(&report->progress, t->cloned + t->copied + t->hole);
}

void tarx_report_member(struct tarx_report *report, const struct tarx_item *item)
{
	const struct tarx_opts *opts = report->opts;
	bool file = S_ISREG(item->mode) && !item->hardlink;

	report->members[tarx_item_kind(item)]++;
	if (opts->verbose_time && file)
		put_times(report, item);
	else if (opts->verbose)
		tarx_report_list(report, item, opts->verbose > 1);
	count(report);
}

static void put_mode(FILE *out, const struct tarx_item *item)
{
	static const char types[16] = "?pc?d?b?-?l?s???";
	mode_t m = item->mode;
	char text[11] = "-rwxrwxrwx";

	text[0] = item->hardlink ? 'h' : types[(m & S_IFMT) >> 12];
	for (int i = 0; i < 9; i++)
		if (!(m & (0400u >> i)))
			text[i + 1] = '-';
	if (m & S_ISUID)
		text[3] = m & S_IXUSR ? 's' : 'S';
	if (m & S_ISGID)
		text[6] = m & S_IXGRP ? 's' : 'S';
	if (m & S_ISVTX)
		text[9] = m & S_IXOTH ? 't' : 'T';
	fputs(text, out);
}

/* "user/group", then the size or device, right-aligned in a column that grows as GNU tar's. */
static void put_owner_and_size(struct tarx_report *report, const struct tarx_item *item)
{
	bool names = !report->opts->numeric_owner;
	char user[32], group[32], size[48];
	const char *u = user, *g = group;
	int width;

	snprintf(user, sizeof(user), "%u", item->uid);
	snprintf(group, sizeof(group), "%u", item->gid);
	if (names && item->uname && *item->uname)
		u = item->uname;
	if (names && item->gname && *item->gname)
		g = item->gname;
	if (S_ISCHR(item->mode) || S_ISBLK(item->mode))
		snprintf(size, sizeof(size), "%u,%u", major(item->rdev), minor(item->rdev));
	else
		snprintf(size, sizeof(size), "%jd", item->hardlink ? 0 : (intmax_t)item->size);
	width = (int)(strlen(u) + 1 + strlen(g) + 1 + strlen(size));
	if (width > report->owner_width)
		report->owner_width = width;
	fputc(' ', report->listing);
	put_quoted(report, u);
	fputc('/', report->listing);
	put_quoted(report, g);
	fprintf(report->listing, " %*s", report->owner_width - width + (int)strlen(size), size);
}

static void put_link(struct tarx_report *report, const struct tarx_item *item)
{
	if (!item->link)
		return;
	fputs(item->hardlink ? " link to " : " -> ", report->listing);
	put_quoted(report, item->link);
}

/* As GNU tar: to the minute, or in full with the fraction as long as it needs to be; the column grows. */
static void put_time(struct tarx_report *report, const struct timespec *mtime)
{
	const struct tarx_opts *opts = report->opts;
	char when[80];
	struct tm tm;
	size_t len;

	if (!(opts->utc ? gmtime_r(&mtime->tv_sec, &tm) : localtime_r(&mtime->tv_sec, &tm))) {
		snprintf(when, sizeof(when), "%jd", (intmax_t)mtime->tv_sec);
	} else {
		len = (size_t)snprintf(when, sizeof(when), "%04ld-%02d-%02d %02d:%02d",
				       tm.tm_year + 1900L, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
				       tm.tm_min);
		if (opts->full_time)
			len += (size_t)snprintf(when + len, sizeof(when) - len, ":%02d", tm.tm_sec);
		if (opts->full_time && mtime->tv_nsec > 0) {
			len += (size_t)snprintf(when + len, sizeof(when) - len, ".%09ld",
						mtime->tv_nsec);
			while (when[len - 1] == '0')
				when[--len] = '\0';
		}
	}
	if ((int)strlen(when) > report->time_width)
		report->time_width = (int)strlen(when);
	fprintf(report->listing, " %-*s ", report->time_width, when);
}

void tarx_report_list(struct tarx_report *report, const struct tarx_item *item, bool long_form)
{
	give_way(report);
	if (report->opts->block_number && report->header >= 0)
		fprintf(report->listing, "block %jd: ", (intmax_t)(report->header / 512));
	if (long_form) {
		put_mode(report->listing, item);
		put_owner_and_size(report, item);
		put_time(report, &item->mtime);
	}
	put_name(report, item);
	if (long_form)
		put_link(report, item);
	end_line(report);
}

static void put_part(struct tarx_report *report, const char *name, size_t len)
{
	TX_FREE char *part = strndup(name, len);

	if (part)
		put_quoted(report, part);
}

void tarx_report_difference(struct tarx_report *report, const char *path, const char *fmt, ...)
{
	size_t len = strcspn(path, ":");
	va_list args;

	/* GNU tar escapes the colons of the name, so that the one behind it stands out. */
	while (path[len]) {
		put_part(report, path, len);
		fputs("\\:", report->listing);
		path += len + 1;
		len = strcspn(path, ":");
	}
	put_part(report, path, len);
	fputs(": ", report->listing);
	va_start(args, fmt);
	vfprintf(report->listing, fmt, args);
	va_end(args);
	fputc('\n', report->listing);
	fail(report, 1);
}

/* ------------------------------------------------------------------ the end */

static void put_members(FILE *out, const struct tarx_report *report)
{
	static const char *const words[TARX_KINDS] = { "file",   "directory", "symlink", "hardlink",
						       "device", "fifo",      "whiteout" };

	fputs(", \"members\":{", out);
	for (int i = 0; i < TARX_KINDS; i++)
		fprintf(out, "%s\"%s\":%" PRIu64, i ? "," : "", words[i], report->members[i]);
	fputc('}', out);
}

static void put_bytes(FILE *out, const struct tarx_report *report)
{
	const struct align_tally *t = &report->tally;

	fprintf(out,
		", \"bytes\":{\"payload\":%" PRIu64 ",\"cloned\":%" PRIu64 ",\"copied\":%" PRIu64
		",\"hole\":%" PRIu64 ",\"header\":%" PRIu64 ",\"padding\":%" PRIu64
		",\"archive\":%" PRIu64 "}",
		t->cloned + t->copied + t->hole, t->cloned, t->copied, t->hole,
		report->header_bytes, report->padding_bytes, report->archive_bytes);
	fprintf(out,
		", \"refused\":{\"EXDEV\":%" PRIu64 ",\"EOPNOTSUPP\":%" PRIu64
		",\"EINVAL\":%" PRIu64 ",\"other\":%" PRIu64 "}",
		t->exdev, t->notsup, t->inval, t->other);
}

static const char *mode_name(enum tarx_mode mode)
{
	switch (mode) {
	case TARX_CREATE:
		return "create";
	case TARX_EXTRACT:
		return "extract";
	case TARX_APPEND:
		return "append";
	case TARX_INFO:
		return "info";
	case TARX_COMPARE:
		return "compare";
	case TARX_REALIGN:
		return "realign";
	default:
		return "list";
	}
}

static int put_stats(FILE *out, const struct tarx_report *report)
{
	struct rusage usage = { 0 };

	getrusage(RUSAGE_SELF, &usage);
	fprintf(out,
		"{\"version\":1, \"command\":\"%s\", \"archive\":", mode_name(report->opts->mode));
	tarx_quote_json(out, report->opts->archive);
	fprintf(out, ", \"seconds\":%.6f, \"max_rss_bytes\":%ld", seconds_since(&report->start),
		usage.ru_maxrss * 1024);
	put_members(out, report);
	put_bytes(out, report);
	if (report->opts->mode == TARX_INFO) {
		fputs(", \"layout\":", out);
		tarx_layout_json(out, &report->layout);
	}
	fprintf(out, ", \"warnings\":%" PRIu64 ", \"errors\":%" PRIu64, report->warnings,
		report->errors);
	/* What came later stands behind what was promised first. */
	fprintf(out, ", \"subvolumes\":%" PRIu64 ", \"left_out\":%" PRIu64, report->subvolumes,
		report->left_out);
	if (report->opts->mode == TARX_REALIGN)
		fprintf(out, ", \"taken\":{\"members\":%" PRIu64 ",\"bytes\":%" PRIu64 "}",
			report->taken_members, report->taken_bytes);
	fputs("}\n", out);
	return fflush(out);
}

static void write_stats(struct tarx_report *report)
{
	const char *file = report->opts->stats_file;
	FILE *out = file ? fopen(file, "we") : stderr;
	bool failed;

	if (!out) {
		tarx_fatal(report, "--stats: open %s: %s", file, strerror(errno));
		return;
	}
	failed = put_stats(out, report) != 0;
	if (file && fclose(out) != 0)
		failed = true;
	if (failed && file)
		tarx_fatal(report, "--stats: write %s: %s", file, strerror(errno));
}

int tarx_report_close(struct tarx_report *report)
{
	bool failed = ferror(report->listing);

	tarx_progress_hide(&report->progress);
	if (fflush(report->listing) != 0 || failed)
		tarx_fatal(report, "write the list: %s", strerror(errno));
	if (report->opts->stats)
		write_stats(report);
	return report->exit_code;
}
