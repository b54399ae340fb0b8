#include "tarx/opts_table.h"

#include "align/cleanup.h"
#include "tarx/quote.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#define LONG_KEY 256 /* the number of the first option in getopt_long(3), behind the letters */

/* ------------------------------------------------------------------ words */

int tarx_opts_complain(const char *what, const char *word, const char *why)
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

int tarx_opts_no_memory(void)
{
	fputs("tarx: out of memory\n", stderr);
	return -1;
}

/* ------------------------------------------------------------------ one option */

static const struct tarx_option *by_letter(int letter)
{
	for (size_t i = 0; i < tarx_option_count; i++)
		if (tarx_options[i].letter == letter)
			return &tarx_options[i];
	return NULL;
}

static bool wants_value(int letter)
{
	const struct tarx_option *option = by_letter(letter);

	return option && option->argument == required_argument;
}

/* "not one of auto, always, never" */
static int complain_word(const struct tarx_option *option, const char *value)
{
	char name[64], why[256] = "not one of ";

	snprintf(name, sizeof(name), "--%s:", option->name);
	for (size_t i = 0; option->words[i]; i++)
		snprintf(why + strlen(why), sizeof(why) - strlen(why), "%s%s", i ? ", " : "",
			 option->words[i]);
	return tarx_opts_complain(name, value, why);
}

static void *field(struct tarx_opts *opts, size_t offset)
{
	return (char *)opts + offset;
}

static int take_word(const struct tarx_option *option, struct tarx_opts *opts, const char *value)
{
	for (unsigned int i = 0; option->words[i]; i++) {
		if (!strcmp(value, option->words[i])) {
			*(unsigned int *)field(opts, option->word) = i;
			return 0;
		}
	}
	return complain_word(option, value);
}

static int take(const struct tarx_option *option, struct tarx_opts *opts, char *value)
{
	if (option->take)
		return option->take(opts, value);
	if (option->words)
		return take_word(option, opts, value);
	if (option->text)
		*(const char **)field(opts, option->text) = value;
	else
		*(bool *)field(opts, option->flag) = option->on;
	return 0;
}

int tarx_opts_operand(struct tarx_opts *opts, const char *path)
{
	struct tarx_operand *operands = opts->operands;
	size_t count = opts->operand_count;

	/* Doubled at each power of two: lists of names are long. */
	if ((count & (count - 1)) == 0) {
		operands = realloc(operands, (count ? count * 2 : 1) * sizeof(*operands));
		if (!operands)
			return tarx_opts_no_memory();
		opts->operands = operands;
	}
	operands[opts->operand_count++] = (struct tarx_operand){ .dir = opts->dir,
								 .path = path,
								 .match = opts->match,
								 .literal = opts->no_unquote,
								 .overlay = opts->overlay };
	return 0;
}

/* ------------------------------------------------------------------ the line */

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
		if (wants_value(letter[1]) && value < *argc)
			words[to++] = argv[value++];
	}
	while (value < *argc)
		words[to++] = argv[value++];
	*argc = to;
	return words;
}

static void make_tables(struct option *longs, char *shorts)
{
	*shorts++ = '-'; /* operands come in their place among the options: -C counts from there */
	*shorts++ = ':'; /* and the words about mistakes are ours */
	for (size_t i = 0; i < tarx_option_count; i++) {
		const struct tarx_option *o = &tarx_options[i];

		longs[i] = (struct option){ o->name, o->argument, NULL, LONG_KEY + (int)i };
		if (o->letter && o == by_letter(o->letter)) {
			*shorts++ = o->letter;
			if (o->argument == required_argument)
				*shorts++ = ':';
		}
	}
	longs[tarx_option_count] = (struct option){ 0 };
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
		return tarx_opts_complain(word, NULL, "needs a value");
	if (is_long && optopt)
		return tarx_opts_complain(word, NULL, "takes no value");
	return tarx_opts_complain("unknown option", word, NULL);
}

static int check_mode(const struct tarx_opts *opts)
{
	if (!opts->mode)
		return tarx_opts_complain(
			"say what to do: one of -c, -x, -t, -d, -r, --info, --realign", NULL, NULL);
	if (opts->mode == TARX_CREATE && opts->operand_count == 0 && !opts->listed)
		return tarx_opts_complain("an archive of nothing: name the files to store", NULL,
					  NULL);
	if (opts->override_stat && !opts->xattrs)
		return tarx_opts_complain("--override-stat: it is an extended attribute, and "
					  "--no-xattrs leaves those out",
					  NULL, NULL);
	if (opts->snapshot && opts->dereference)
		return tarx_opts_complain("--snapshot with -h", NULL,
					  "would lead out of the snapshot");
	if (opts->mode == TARX_APPEND && opts->operand_count == 0 && !opts->listed)
		return tarx_opts_complain("nothing to append: name the files to store", NULL, NULL);
	if ((opts->mode & (TARX_CREATE | TARX_APPEND | TARX_REALIGN)) &&
	    opts->reflink == ALIGN_REFLINK_ALWAYS && opts->align == TARX_ALIGN_NONE)
		return tarx_opts_complain(
			"--reflink=always: without aligned payloads nothing could be shared", NULL,
			NULL);
	if (opts->occurrence && opts->operand_count == 0)
		return tarx_opts_complain("--occurrence", NULL,
					  "means nothing without names of members");
	if (opts->list_stdin && opts->mode != TARX_CREATE && !strcmp(opts->archive, "-"))
		return tarx_opts_complain("-T -", NULL,
					  "the archive comes from standard input already");
	return 0;
}

static int check_given(const struct tarx_opts *opts, const bool *given)
{
	for (size_t i = 0; i < tarx_option_count; i++) {
		char option[64];

		if (!given[i] || (tarx_options[i].modes & opts->mode))
			continue;
		snprintf(option, sizeof(option), "--%s", tarx_options[i].name);
		return tarx_opts_complain(option, NULL, "means nothing in this mode");
	}
	return 0;
}

/* LONGS, SHORTS and GIVEN have room for all options. */
static int read_options(struct tarx_opts *opts, int argc, char **argv, struct option *longs,
			char *shorts, bool *given)
{
	const struct tarx_option *option;
	int key, r;

	make_tables(longs, shorts);
	opterr = 0;
	optind = 0;
	while ((key = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		if (key == '?' || key == ':')
			return mistake(key, argv);
		if (key == 1) {
			r = tarx_opts_operand(opts, optarg);
		} else {
			option = key < LONG_KEY ? by_letter(key) : &tarx_options[key - LONG_KEY];
			given[option - tarx_options] = true;
			r = take(option, opts, optarg);
		}
		if (r != 0)
			return r;
	}
	for (; optind < argc; optind++)
		if (tarx_opts_operand(opts, argv[optind]) < 0)
			return -1;
	if (opts->recursive_unlink)
		opts->old = TARX_OLD_UNLINK;
	r = tarx_opts_end_parts(opts);
	if (r == 0)
		r = check_mode(opts);
	if (r == 0)
		r = tarx_opts_check_store(opts);
	if (r == 0)
		r = tarx_opts_check_press(opts);
	return r < 0 ? r : check_given(opts, given);
}

static int read_words(struct tarx_opts *opts, int argc, char **argv)
{
	TX_FREE struct option *longs = calloc(tarx_option_count + 1, sizeof(*longs));
	TX_FREE char *shorts = malloc(2 * tarx_option_count + 3);
	TX_FREE bool *given = calloc(tarx_option_count, sizeof(*given));

	if (!longs || !shorts || !given)
		return tarx_opts_no_memory();
	return read_options(opts, argc, argv, longs, shorts, given);
}

int tarx_opts_parse(struct tarx_opts *opts, int argc, char **argv)
{
	TX_FREE char **words = NULL;
	TX_FREE char *letters = NULL;

	*opts = (struct tarx_opts){ .archive = "-",
				    .align = TARX_ALIGN_UNSET,
				    .overlay = TARX_OVERLAY_UNSET,
				    .whiteouts = TARX_WHITEOUTS_UNSET,
				    .align_min = -1,
				    .same_owner = -1,
				    .same_permissions = -1,
				    .xattrs = true,
				    .acls = true,
				    .fflags = true,
				    .selinux = true };
	if (argc > 1 && argv[1][0] && argv[1][0] != '-') {
		if (strchr(argv[1], '-'))
			return tarx_opts_complain("unknown option", "-",
						  "in the letters of the first word");
		letters = malloc(3 * strlen(argv[1]));
		words = letters ? spell_out_bundle(&argc, argv, letters) : NULL;
		if (!words)
			return tarx_opts_no_memory();
		argv = words;
	}
	return read_words(opts, argc, argv);
}

struct tarx_meta_wants tarx_opts_wants(const struct tarx_opts *opts)
{
	return (struct tarx_meta_wants){
		.xattrs = opts->xattrs,
		.no_selinux = !opts->selinux,
		.include = &opts->xattrs_include,
		.exclude = &opts->xattrs_exclude,
		.acls = opts->acls,
		.fflags = opts->fflags,
		.numeric = opts->numeric_owner,
	};
}

void tarx_opts_release(struct tarx_opts *opts)
{
	for (size_t i = 0; i < opts->dir_count; i++)
		free(opts->dirs[i]);
	free(opts->dirs);
	free(opts->take_from);
	free(opts->operands);
	free(opts->parts);
	tarx_patterns_release(&opts->xattrs_include);
	tarx_patterns_release(&opts->xattrs_exclude);
	tarx_rename_release(&opts->rename);
	for (size_t i = 0; i < opts->text_count; i++)
		free(opts->texts[i]);
	free(opts->texts);
	tarx_patterns_release(&opts->exclude);
	free(opts->tags);
	tarx_override_release(&opts->override);
}
