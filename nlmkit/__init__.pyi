# Written by scripts/public_names.py from _HOMES in __init__.py.
from nlmkit.classifiers.base import Classifier as Classifier
from nlmkit.classifiers.combined.ensemble import Ensemble as Ensemble
from nlmkit.classifiers.combined.lm_classifier import LMClassifier as LMClassifier
from nlmkit.classifiers.linear.nbsvm import NBSVM as NBSVM
from nlmkit.classifiers.linear.tfidf_logreg import TfidfLogReg as TfidfLogReg
from nlmkit.classifiers.neural.cnn import CNN as CNN
from nlmkit.classifiers.neural.dpcnn import DPCNN as DPCNN
from nlmkit.classifiers.neural.han import HAN as HAN
from nlmkit.classifiers.neural.lstm_classifier import LSTMClassifier as LSTMClassifier
from nlmkit.classifiers.neural.lstm_cnn import LSTMCNN as LSTMCNN
from nlmkit.classifiers.neural.vdcnn import VDCNN as VDCNN
from nlmkit.classifiers.trees.tree_lstm import TreeLSTM as TreeLSTM
from nlmkit.comparing.compare import compare_predictions as compare_predictions
from nlmkit.core.component import Component as Component
from nlmkit.core.run import RunOptions as RunOptions
from nlmkit.core.storage import load as load
from nlmkit.errors import DataError as DataError
from nlmkit.errors import ExportError as ExportError
from nlmkit.errors import HyperParameterError as HyperParameterError
from nlmkit.errors import IntegrityError as IntegrityError
from nlmkit.errors import MissingFileError as MissingFileError
from nlmkit.errors import MissingModelError as MissingModelError
from nlmkit.errors import NlmkitError as NlmkitError
from nlmkit.errors import NotComparableError as NotComparableError
from nlmkit.errors import NotFittedError as NotFittedError
from nlmkit.errors import NotNormalizedError as NotNormalizedError
from nlmkit.errors import PluginError as PluginError
from nlmkit.errors import RegistryError as RegistryError
from nlmkit.errors import SavedModelError as SavedModelError
from nlmkit.errors import UnknownComponentError as UnknownComponentError
from nlmkit.language_models.base import LanguageModel as LanguageModel
from nlmkit.language_models.classes.model import ClassNGram as ClassNGram
from nlmkit.language_models.combined.cache import Cache as Cache
from nlmkit.language_models.combined.dynamic import DynamicEvaluation as DynamicEvaluation
from nlmkit.language_models.combined.mixture import Mixture as Mixture
from nlmkit.language_models.combined.temperature import Temperature as Temperature
from nlmkit.language_models.compare import compare as compare
from nlmkit.language_models.hybrid.model import Hybrid as Hybrid
from nlmkit.language_models.neural.gru import GRU as GRU
from nlmkit.language_models.neural.lstm import LSTM as LSTM
from nlmkit.language_models.neural.nnlm import NNLM as NNLM
from nlmkit.language_models.neural.rnnlm import RNNLM as RNNLM
from nlmkit.language_models.ngram.count_files import NGramCountFiles as NGramCountFiles
from nlmkit.language_models.ngram.mixing import static_mix as static_mix
from nlmkit.language_models.ngram.model import NGram as NGram
from nlmkit.language_models.nltk_style import NltkStyle as NltkStyle
from nlmkit.language_models.word_surprisal import word_surprisals as word_surprisals
from nlmkit.regressors.base import Regressor as Regressor
from nlmkit.regressors.neural.cnn_regressor import CNNRegressor as CNNRegressor
from nlmkit.regressors.neural.lstm_regressor import LSTMRegressor as LSTMRegressor
from nlmkit.regressors.tfidf_ridge import TfidfRidge as TfidfRidge
from nlmkit.reporting.document import report as report
from nlmkit.representations.base import Representation as Representation
from nlmkit.representations.base import Vectors as Vectors
from nlmkit.representations.glove.model import GloVe as GloVe
from nlmkit.representations.lsa.model import LSA as LSA
from nlmkit.representations.one_hot import OneHot as OneHot
from nlmkit.representations.word2vec.model import Word2Vec as Word2Vec
from nlmkit.seq2seq.base import SequenceToSequence as SequenceToSequence
from nlmkit.seq2seq.comparison import compare_pairs as compare_pairs
from nlmkit.seq2seq.neural.encoder_decoder import EncoderDecoder as EncoderDecoder
from nlmkit.seq2seq.neural.vector_decoder import VectorDecoder as VectorDecoder
from nlmkit.taggers.base import Tagger as Tagger
from nlmkit.taggers.combined.ensemble_tagger import EnsembleTagger as EnsembleTagger
from nlmkit.taggers.crf.model import CRFTagger as CRFTagger
from nlmkit.taggers.hmm.model import HMMTagger as HMMTagger
from nlmkit.taggers.neural.bilstm_tagger import BiLSTMTagger as BiLSTMTagger
from nlmkit.text import Corpus as Corpus
from nlmkit.text import Decoding as Decoding
from nlmkit.text import TextPipeline as TextPipeline
from nlmkit.text import Tokenization as Tokenization
from nlmkit.text import Vocabulary as Vocabulary
from nlmkit.text.parallel import ParallelTexts as ParallelTexts
from nlmkit.text.tagged import TaggedSentences as TaggedSentences
from nlmkit.text.trees import LabelledTrees as LabelledTrees
__version__: str
__all__ = [
    "BiLSTMTagger",
    "CNN",
    "CNNRegressor",
    "CRFTagger",
    "Cache",
    "ClassNGram",
    "Classifier",
    "Component",
    "Corpus",
    "DPCNN",
    "DataError",
    "Decoding",
    "DynamicEvaluation",
    "EncoderDecoder",
    "Ensemble",
    "EnsembleTagger",
    "ExportError",
    "GRU",
    "GloVe",
    "HAN",
    "HMMTagger",
    "Hybrid",
    "HyperParameterError",
    "IntegrityError",
    "LMClassifier",
    "LSA",
    "LSTM",
    "LSTMCNN",
    "LSTMClassifier",
    "LSTMRegressor",
    "LabelledTrees",
    "LanguageModel",
    "MissingFileError",
    "MissingModelError",
    "Mixture",
    "NBSVM",
    "NGram",
    "NGramCountFiles",
    "NNLM",
    "NlmkitError",
    "NltkStyle",
    "NotComparableError",
    "NotFittedError",
    "NotNormalizedError",
    "OneHot",
    "ParallelTexts",
    "PluginError",
    "RNNLM",
    "RegistryError",
    "Regressor",
    "Representation",
    "RunOptions",
    "SavedModelError",
    "SequenceToSequence",
    "TaggedSentences",
    "Tagger",
    "Temperature",
    "TextPipeline",
    "TfidfLogReg",
    "TfidfRidge",
    "Tokenization",
    "TreeLSTM",
    "UnknownComponentError",
    "VDCNN",
    "VectorDecoder",
    "Vectors",
    "Vocabulary",
    "Word2Vec",
    "__version__",
    "compare",
    "compare_pairs",
    "compare_predictions",
    "load",
    "report",
    "static_mix",
    "word_surprisals",
]
