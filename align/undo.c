#include "align/undo.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

/* The one variable of its kind: a signal handler knows nothing else. */
static struct {
	struct tx_undo *volatile first;
	volatile sig_atomic_t set; /* the name that is doomed */
	int dir;
	char name[TX_TEMP_ROOM];
} ending;

static void undo_and_die(int sig)
{
	if (ending.set)
		unlinkat(ending.dir, ending.name, 0);
	for (struct tx_undo *undo = ending.first; undo; undo = undo->next)
		undo->run(undo->data);
	raise(sig); /* SA_RESETHAND: this one ends us */
}

/* Signals that are ignored, or handled by somebody else, are left alone. */
static void watch(void)
{
	static const int ends[] = { SIGHUP, SIGINT, SIGTERM, SIGPIPE, SIGXFSZ, SIGXCPU };
	struct sigaction action = { .sa_handler = undo_and_die,
				    .sa_flags = (int)(SA_RESETHAND | SA_NODEFER) },
			 term;

	if (sigaction(SIGTERM, NULL, &term) == 0 && term.sa_handler == undo_and_die)
		return;
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		struct sigaction now;

		if (sigaction(ends[i], NULL, &now) == 0 && now.sa_handler == SIG_DFL)
			sigaction(ends[i], &action, NULL);
	}
}

void tx_undo_add(struct tx_undo *undo)
{
	undo->next = ending.first;
	ending.first = undo;
	watch();
}

void tx_undo_drop(struct tx_undo *undo)
{
	struct tx_undo *at = ending.first;

	if (at == undo) {
		ending.first = undo->next;
		return;
	}
	while (at && at->next != undo)
		at = at->next;
	if (at)
		at->next = undo->next;
}

void tx_doom(int dir, const char *name)
{
	ending.set = 0;
	ending.dir = dir;
	memcpy(ending.name, name, TX_TEMP_ROOM);
	ending.set = 1;
	watch();
}

void tx_undoom(void)
{
	ending.set = 0;
}
