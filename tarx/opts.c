#include "tarx/opts.h"

#include "align/block.h"
#include "align/cleanup.h"
#include "tarx/quote.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

enum {
	KEY_ACLS = 256,
	KEY_ALIGN,
	KEY_ALIGN_MIN,
	KEY_HELP,
	KEY_NO_ACLS,
	KEY_NO_SAME_OWNER,
	KEY_NO_SAME_PERMISSIONS,
	KEY_NO_XATTRS,
	KEY_NUMERIC_OWNER,
	KEY_OVERLAY,
	KEY_REFLINK,
	KEY_SAME_OWNER,
	KEY_STATS,
	KEY_SYNC,
	KEY_VERSION,
	KEY_XATTRS,
};

#define READS (TARX_EXTRACT | TARX_LIST)
#define ANY   (TARX_CREATE | TARX_EXTRACT | TARX_LIST)
#define DISK  (TARX_CREATE | TARX_EXTRACT)

/* Every option, in the order of --help. A NULL help text: another spelling of the one before. */
static const struct known {
	const char *name;
	int key; /* below 256: the short option too */
	int argument;
	const char *argument_name;
	unsigned int modes; /* where it means something */
	const char *help;
} known[] = {
	{ "create", 'c', no_argument, NULL, ANY, "write a new archive" },
	{ "extract", 'x', no_argument, NULL, ANY, "restore members, all or those named" },
	{ "get", 'x', no_argument, NULL, ANY, NULL },
	{ "list", 't', no_argument, NULL, ANY, "list members" },
	{ "file", 'f', required_argument, "FILE", ANY, "the archive; - or absent: stdin, stdout" },
	{ "directory", 'C', required_argument, "DIR", ANY, "change to DIR; may be repeated" },
	{ "verbose", 'v', optional_argument, "time", ANY,
	  "name members (twice: long); =time: bytes, time, speed, how moved" },
	{ "align", KEY_ALIGN, optional_argument, "SIZE|none", TARX_CREATE,
	  "payloads start on multiples of SIZE, 512 to 1M; the block size without" },
	{ "align-min", KEY_ALIGN_MIN, required_argument, "SIZE", TARX_CREATE,
	  "do not align files smaller than SIZE" },
	{ "reflink", KEY_REFLINK, required_argument, "auto|always|never", DISK,
	  "share extents where possible, or fail, or never" },
	{ "overlay", KEY_OVERLAY, required_argument, "auto|diff|merged|off", TARX_CREATE,
	  "what an overlay mount stands for: see tarx(1)" },
	{ "stats", KEY_STATS, optional_argument, "FILE", ANY, "one JSON object at the end" },
	{ "sync", KEY_SYNC, no_argument, NULL, DISK, "on disk before the exit" },
	{ "preserve-permissions", 'p', no_argument, NULL, TARX_EXTRACT,
	  "restore modes as they are, not through the umask (root's default)" },
	{ "same-permissions", 'p', no_argument, NULL, TARX_EXTRACT, NULL },
	{ "no-same-permissions", KEY_NO_SAME_PERMISSIONS, no_argument, NULL, TARX_EXTRACT,
	  "restore modes through the umask" },
	{ "same-owner", KEY_SAME_OWNER, no_argument, NULL, TARX_EXTRACT,
	  "restore owners (root's default)" },
	{ "no-same-owner", KEY_NO_SAME_OWNER, no_argument, NULL, TARX_EXTRACT,
	  "what is restored belongs to who restores it" },
	{ "numeric-owner", KEY_NUMERIC_OWNER, no_argument, NULL, ANY,
	  "numbers of users and groups, not names" },
	{ "ignore-zeros", 'i', no_argument, NULL, READS,
	  "read on behind blocks of zeros: archives one behind the other" },
	{ "touch", 'm', no_argument, NULL, TARX_EXTRACT, "do not restore modification times" },
	{ "xattrs", KEY_XATTRS, no_argument, NULL, DISK, "extended attributes too (default)" },
	{ "no-xattrs", KEY_NO_XATTRS, no_argument, NULL, DISK, "no extended attributes" },
	{ "acls", KEY_ACLS, no_argument, NULL, DISK, "POSIX ACLs too (default)" },
	{ "no-acls", KEY_NO_ACLS, no_argument, NULL, DISK, "no ACLs" },
	{ "help", KEY_HELP, no_argument, NULL, ANY, "print this" },
	{ "version", KEY_VERSION, no_argument, NULL, ANY, "print the version" },
};

#define KNOWN (sizeof(known) / sizeof(*known))

/* ------------------------------------------------------------------ words */

static int complain(const char *what, const char *word, const char *why)
{
	fputs("tarx: ", stderr);
	tarx_quote_message(stderr, what);
	if (word) {
		fputs(" ", stderr);
		tarx_quote_message(stderr, word);
	}
	fprintf(stderr, "%s%s\nTry 'tarx --help'.\n", why ? ": " : "", why ? why : "");
	return -1;
}

static void print_option(const struct known *k)
{
	bool optional = k->argument == optional_argument;
	char left[80];
	int n;

	if (k->key < 256)
		n = snprintf(left, sizeof(left), "  -%c, --%s", k->key, k->name);
	else
		n = snprintf(left, sizeof(left), "      --%s", k->name);
	if (k->argument_name)
		snprintf(left + n, sizeof(left) - (size_t)n, optional ? "[=%s]" : "=%s",
			 k->argument_name);
	if (strlen(left) > 34)
		printf("%s\n%-35s%s\n", left, "", k->help);
	else
		printf("%-35s%s\n", left, k->help);
}

static int print_help(void)
{
	puts("Usage: tarx -c [-f ARCHIVE] [OPTION...] [-C DIR] PATH...\n"
	     "       tarx -x [-f ARCHIVE] [OPTION...] [-C DIR] [MEMBER...]\n"
	     "       tarx -t [-f ARCHIVE] [OPTION...] [MEMBER...]\n"
	     "\n"
	     "Standard tar archives whose payloads share their extents with the files.\n");
	for (size_t i = 0; i < KNOWN; i++)
		if (known[i].help)
			print_option(&known[i]);
	puts("\nExit status: 0 all done; 1 some members could not be stored or restored, each\n"
	     "named; 2 fatal.");
	return 1;
}

static int print_version(void)
{
	puts("tarx " PACKAGE_VERSION);
	return 1;
}

/* ------------------------------------------------------------------ values */

int64_t tarx_opts_size(const char *text)
{
	unsigned long long n;
	unsigned int shift;
	char *end;

	if (*text < '0' || *text > '9')
		return -1;
	errno = 0;
	n = strtoull(text, &end, 10);
	shift = *end == 'K' || *end == 'k' ? 10 : *end == 'M' || *end == 'm' ? 20 : 0;
	end += shift > 0;
	if (*end || errno || n > (uint64_t)INT64_MAX >> shift)
		return -1;
	return (int64_t)(n << shift);
}

/* The place of WORD among WORDS, which ends with NULL; -1: none of them. */
static int choose(const char *word, const char *const *words)
{
	for (int i = 0; words[i]; i++)
		if (!strcmp(word, words[i]))
			return i;
	return -1;
}

static int take_align(struct tarx_opts *opts, const char *value)
{
	int64_t size;

	if (!value) {
		opts->align = TARX_ALIGN_BLOCK;
		return 0;
	}
	if (!strcmp(value, "none")) {
		opts->align = TARX_ALIGN_NONE;
		return 0;
	}
	size = tarx_opts_size(value);
	if (size < 512 || size > 1 << 20 || !align_is_power_of_two((uint64_t)size))
		return complain("--align:", value, "not a power of two from 512 to 1M, nor none");
	opts->align = (uint32_t)size;
	return 0;
}

static int take_align_min(struct tarx_opts *opts, const char *value)
{
	opts->align_min = tarx_opts_size(value);
	return opts->align_min < 0 ? complain("--align-min:", value, "not a size") : 0;
}

static int take_reflink(struct tarx_opts *opts, const char *value)
{
	static const char *const words[] = { "auto", "always", "never", NULL };
	int at = choose(value, words);

	if (at < 0)
		return complain("--reflink:", value, "not one of auto, always, never");
	opts->reflink = (enum align_reflink)at;
	return 0;
}

static int take_overlay(struct tarx_opts *opts, const char *value)
{
	static const char *const words[] = { "auto", "diff", "merged", "off", NULL };
	int at = choose(value, words);

	if (at < 0)
		return complain("--overlay:", value, "not one of auto, diff, merged, off");
	opts->overlay = (enum tarx_overlay)at;
	return 0;
}

static int take_verbose(struct tarx_opts *opts, const char *value)
{
	if (value && strcmp(value, "time"))
		return complain("--verbose:", value, "not time");
	opts->verbose++;
	opts->verbose_time |= value != NULL;
	return 0;
}

static int take_mode(struct tarx_opts *opts, enum tarx_mode mode)
{
	if (opts->mode && opts->mode != mode)
		return complain("only one of -c, -x, -t can be done at a time", NULL, NULL);
	opts->mode = mode;
	return 0;
}

static int no_memory(void)
{
	fputs("tarx: out of memory\n", stderr);
	return -1;
}

/* A relative -C counts from the one before it. */
static int take_dir(struct tarx_opts *opts, const char *value)
{
	char **dirs = realloc(opts->dirs, (opts->dir_count + 1) * sizeof(*dirs));
	char *dir = NULL;

	if (!dirs)
		return no_memory();
	opts->dirs = dirs;
	if (*value == '/' || !opts->dir)
		dir = strdup(value);
	else if (asprintf(&dir, "%s/%s", opts->dir, value) < 0)
		dir = NULL;
	if (!dir)
		return no_memory();
	opts->dirs[opts->dir_count++] = dir;
	opts->dir = dir;
	return 0;
}

static int take_operand(struct tarx_opts *opts, const char *path)
{
	struct tarx_operand *operands = realloc(opts->operands,
						(opts->operand_count + 1) * sizeof(*operands));

	if (!operands)
		return no_memory();
	opts->operands = operands;
	operands[opts->operand_count++] = (struct tarx_operand){ .dir = opts->dir, .path = path };
	return 0;
}

/* ------------------------------------------------------------------ the line */

static int take(struct tarx_opts *opts, int key, char *value)
{
	switch (key) {
	case 'c':
		return take_mode(opts, TARX_CREATE);
	case 'x':
		return take_mode(opts, TARX_EXTRACT);
	case 't':
		return take_mode(opts, TARX_LIST);
	case 'f':
		opts->archive = value;
		return 0;
	case 'C':
		return take_dir(opts, value);
	case 'v':
		return take_verbose(opts, value);
	case 'p':
		opts->same_permissions = 1;
		return 0;
	case 'i':
		opts->ignore_zeros = true;
		return 0;
	case 'm':
		opts->touch = true;
		return 0;
	case KEY_ALIGN:
		return take_align(opts, value);
	case KEY_ALIGN_MIN:
		return take_align_min(opts, value);
	case KEY_REFLINK:
		return take_reflink(opts, value);
	case KEY_OVERLAY:
		return take_overlay(opts, value);
	case KEY_STATS:
		opts->stats = true;
		opts->stats_file = value;
		return 0;
	case KEY_SYNC:
		opts->sync = true;
		return 0;
	case KEY_NO_SAME_PERMISSIONS:
		opts->same_permissions = 0;
		return 0;
	case KEY_SAME_OWNER:
	case KEY_NO_SAME_OWNER:
		opts->same_owner = key == KEY_SAME_OWNER;
		return 0;
	case KEY_NUMERIC_OWNER:
		opts->numeric_owner = true;
		return 0;
	case KEY_XATTRS:
	case KEY_NO_XATTRS:
		opts->xattrs = key == KEY_XATTRS;
		return 0;
	case KEY_ACLS:
	case KEY_NO_ACLS:
		opts->acls = key == KEY_ACLS;
		return 0;
	case KEY_HELP:
		return print_help();
	case KEY_VERSION:
		return print_version();
	default:
		return take_operand(opts, value);
	}
}

/* "cvf a.tar -C x ." is "-c -v -f a.tar -C x .": the letters take their values from the words that
 * follow, in order. Returns the new words (owned, the strings borrowed), or NULL. */
static char **spell_out_bundle(int *argc, char **argv, char *letters)
{
	size_t n = strlen(argv[1]);
	char **words = calloc((size_t)*argc + n + 1, sizeof(*words));
	int to = 0, value = 2;

	if (!words)
		return NULL;
	words[to++] = argv[0];
	for (size_t i = 0; i < n; i++) {
		char *letter = letters + 3 * i;

		letter[0] = '-';
		letter[1] = argv[1][i];
		letter[2] = '\0';
		words[to++] = letter;
		if (strchr("fC", letter[1]) && value < *argc)
			words[to++] = argv[value++];
	}
	while (value < *argc)
		words[to++] = argv[value++];
	*argc = to;
	return words;
}

static void make_tables(struct option longs[KNOWN + 1], char *shorts)
{
	*shorts++ = '-'; /* operands come in their place among the options: -C counts from there */
	*shorts++ = ':'; /* and the words about mistakes are ours */
	for (size_t i = 0; i < KNOWN; i++) {
		longs[i] = (struct option){ known[i].name, known[i].argument, NULL, known[i].key };
		if (known[i].key < 256 && known[i].help) {
			*shorts++ = (char)known[i].key;
			if (known[i].argument == required_argument)
				*shorts++ = ':';
		}
	}
	longs[KNOWN] = (struct option){ 0 };
	*shorts = '\0';
}

static int mistake(int key, char **argv)
{
	char option[3] = { '-', (char)optopt, '\0' };
	const char *word = argv[optind - 1];
	bool is_long = !strncmp(word, "--", 2);

	/* getopt_long(3) leaves a letter, a long option's number, or nothing in optopt. */
	if (!is_long && optopt > 0 && optopt < 256)
		word = option;
	if (key == ':')
		return complain(word, NULL, "needs a value");
	if (is_long && optopt)
		return complain(word, NULL, "takes no value");
	return complain("unknown option", word, NULL);
}

static int check_modes(const struct tarx_opts *opts, const unsigned char *given)
{
	if (!opts->mode)
		return complain("say what to do: one of -c, -x, -t", NULL, NULL);
	for (size_t i = 0; i < KNOWN; i++) {
		char option[64];

		if (!given[i] || (known[i].modes & opts->mode))
			continue;
		snprintf(option, sizeof(option), "--%s", known[i].name);
		return complain(option, NULL, "means nothing in this mode");
	}
	if (opts->mode == TARX_CREATE && opts->operand_count == 0)
		return complain("an archive of nothing: name the files to store", NULL, NULL);
	if (opts->mode == TARX_CREATE && opts->reflink == ALIGN_REFLINK_ALWAYS &&
	    opts->align == TARX_ALIGN_NONE)
		return complain(
			"--reflink=always: without aligned payloads nothing could be shared", NULL,
			NULL);
	return 0;
}

static void mark_given(unsigned char *given, int key)
{
	for (size_t i = 0; i < KNOWN; i++)
		if (known[i].key == key)
			given[i] = 1;
}

static int read_words(struct tarx_opts *opts, int argc, char **argv)
{
	struct option longs[KNOWN + 1];
	unsigned char given[KNOWN] = { 0 };
	char shorts[2 * KNOWN + 3];
	int key, r;

	make_tables(longs, shorts);
	opterr = 0;
	optind = 0;
	while ((key = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		if (key == '?' || key == ':')
			return mistake(key, argv);
		mark_given(given, key);
		r = take(opts, key, optarg);
		if (r != 0)
			return r;
	}
	for (; optind < argc; optind++)
		if (take_operand(opts, argv[optind]) < 0)
			return -1;
	return check_modes(opts, given);
}

int tarx_opts_parse(struct tarx_opts *opts, int argc, char **argv)
{
	TX_FREE char **words = NULL;
	TX_FREE char *letters = NULL;

	*opts = (struct tarx_opts){ .archive = "-",
				    .align = TARX_ALIGN_UNSET,
				    .align_min = -1,
				    .same_owner = -1,
				    .same_permissions = -1,
				    .xattrs = true,
				    .acls = true };
	if (argc > 1 && argv[1][0] && argv[1][0] != '-') {
		if (strchr(argv[1], '-'))
			return complain("unknown option", "-", "in the letters of the first word");
		letters = malloc(3 * strlen(argv[1]));
		words = letters ? spell_out_bundle(&argc, argv, letters) : NULL;
		if (!words)
			return no_memory();
		argv = words;
	}
	return read_words(opts, argc, argv);
}

void tarx_opts_release(struct tarx_opts *opts)
{
	for (size_t i = 0; i < opts->dir_count; i++)
		free(opts->dirs[i]);
	free(opts->dirs);
	free(opts->operands);
}
