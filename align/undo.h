/* What must not stay behind when a signal ends the process. */
#ifndef ALIGN_UNDO_H
#define ALIGN_UNDO_H

#define TX_TEMP_ROOM 32

/* One thing to undo, in the caller's memory from tx_undo_add() to tx_undo_drop(). RUN is called by a signal
 * handler, and may do only what signal-safety(7) allows. */
struct tx_undo {
	void (*run)(void *data);
	void *data;
	struct tx_undo *next;
};

void tx_undo_add(struct tx_undo *undo);
/* What was not added may be dropped too. */
void tx_undo_drop(struct tx_undo *undo);

/* A signal that ends the process removes NAME (TX_TEMP_ROOM bytes) from DIR first. One at a time. */
void tx_doom(int dir, const char *name);
void tx_undoom(void);

#endif
