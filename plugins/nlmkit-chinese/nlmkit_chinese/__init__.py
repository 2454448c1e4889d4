"""Chinese word segmentation as nlmkit's tokenizers ``jieba`` and ``jieba-dictionary``."""
