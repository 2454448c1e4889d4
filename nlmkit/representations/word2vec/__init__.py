"""word2vec, trained by gensim."""
