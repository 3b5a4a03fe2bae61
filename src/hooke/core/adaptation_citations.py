"""Publications behind evaluation sets, uncertainty, attribution and search; `core.citations` lists them with all others."""

from __future__ import annotations

from hooke.core.citation import Citation

_JCIM = "Journal of Chemical Information and Modeling"
ADAPTATION = (
    Citation(
        "admetica", "{The Datagrok developers}", "Admetica: ADMET data sets and models", 0, "software",
        "https://github.com/datagrok-ai/admetica",
    ),
    Citation(
        "fang2023prospective", "Fang, Cheng and others",
        "Prospective Validation of Machine Learning Algorithms for Absorption, Distribution, Metabolism, and Excretion "
        "Prediction: An Industrial Perspective", 2023, f"{_JCIM} 63(11), 3263--3274", "doi:10.1021/acs.jcim.3c00160",
    ),
    Citation(
        "vantilborg2022exposing", "van Tilborg, Derek and Alenicheva, Alisa and Grisoni, Francesca",
        "Exposing the Limitations of Molecular Machine Learning with Activity Cliffs", 2022, f"{_JCIM} 62(23), 5938--5951",
        "doi:10.1021/acs.jcim.2c01073",
    ),
    Citation(
        "gal2016dropout", "Gal, Yarin and Ghahramani, Zoubin",
        "Dropout as a Bayesian Approximation: Representing Model Uncertainty in Deep Learning", 2016, "ICML", "arXiv:1506.02142",
    ),
    Citation(
        "amini2020deep", "Amini, Alexander and Schwarting, Wilko and Soleimany, Ava and Rus, Daniela",
        "Deep Evidential Regression", 2020, "NeurIPS", "arXiv:1910.02600",
    ),
    Citation(
        "levi2022evaluating", "Levi, Dan and Gispan, Liran and Giladi, Niv and Fetaya, Ethan",
        "Evaluating and Calibrating Uncertainty Prediction in Regression Tasks", 2022, "Sensors 22(15), 5540",
        "doi:10.3390/s22155540",
    ),
    Citation(
        "kuleshov2018accurate", "Kuleshov, Volodymyr and Fenner, Nathan and Ermon, Stefano",
        "Accurate Uncertainties for Deep Learning Using Calibrated Regression", 2018, "ICML", "arXiv:1807.00263",
    ),
    Citation(
        "akiba2019optuna", "Akiba, Takuya and others", "Optuna: A Next-generation Hyperparameter Optimization Framework", 2019,
        "KDD", "arXiv:1907.10902",
    ),
    Citation(
        "hansen2016cma", "Hansen, Nikolaus", "The CMA Evolution Strategy: A Tutorial", 2016, "arXiv", "arXiv:1604.00772",
    ),
    Citation(
        "yuan2021systematic", "Yuan, Yingfang and Wang, Wenjun and Pang, Wei",
        "A Systematic Comparison Study on Hyperparameter Optimisation of Graph Neural Networks for Molecular Property Prediction",
        2021, "GECCO", "arXiv:2102.04283",
    ),
)  # fmt: skip
ADAPTATION_KEYS: dict[str, tuple[str, ...]] = {
    "admet": ("admetica", "fang2023prospective"),
    "admetica": ("admetica",),
    "cma_es": ("hansen2016cma", "akiba2019optuna"),
    "evidential": ("amini2020deep",),
    "miscalibration_area": ("kuleshov2018accurate",),
    "ence": ("levi2022evaluating",),
    "mc_dropout": ("gal2016dropout",),
    "moleculeace": ("vantilborg2022exposing",),
    "search": ("yuan2021systematic", "akiba2019optuna"),
    "shelf": ("beaini2024towards", "wu2018moleculenet"),
    "shelfmix": ("wu2018moleculenet", "beaini2024towards"),
}
