// Package data turns a text file into the batches that a model trains on:
//
//	text -> shard -> rows
//
// Prepare tokenises a file of documents once, on every core, into a shard: one
// file of token ids with the place where each document ends. A Stream reads the
// shard's documents in an order drawn from (seed, epoch) and packs them into
// rows of T (input, target) pairs. PrepareChat does the same for conversations,
// of which only answers are learnt, and for pairs of them of which one is
// preferred. Nothing holds a whole file in memory, and a
// Stream opened at a Cursor goes on exactly where another stopped.
//
// The package opens no files: it reads from io.Reader and io.ReaderAt and
// writes to io.Writer, so that it works on a disk and in a browser alike.
package data
