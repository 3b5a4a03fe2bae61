"""The publications that Hooke stands on; `core.citations` says which names stand on which."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Citation:
    """One publication.

    Attributes:
        key: Of the BibTeX entry.
        authors: "Family, Given and Family, Given and others".
        title: Of the publication.
        year: Of the publication; 0 for software, which has no one year.
        venue: Journal or conference with volume and pages, "arXiv", or the publisher of a book.
        identifier: "doi:...", "arXiv:...", or the address of software.
    """

    key: str
    authors: str
    title: str
    year: int
    venue: str
    identifier: str

    def bibtex(self) -> str:
        """The entry as BibTeX."""
        fields = {"author": self.authors, "title": f"{{{self.title}}}", "journal": self.venue}
        if self.year:
            fields["year"] = str(self.year)
        kind, _, value = self.identifier.partition(":")
        if kind == "doi":
            fields["doi"] = value
        elif kind == "arXiv":
            fields |= {"eprint": value, "archivePrefix": "arXiv"}
        else:
            fields["url"] = self.identifier
        entry = "misc" if kind in ("http", "https") else "article"
        return f"@{entry}{{{self.key},\n" + "".join(f"  {name} = {{{text}}},\n" for name, text in fields.items()) + "}"


_JCIM = "Journal of Chemical Information and Modeling"
_PUBLICATIONS = (
    Citation(
        "rampasek2022recipe",
        "Rampášek, Ladislav and Galkin, Mikhail and Dwivedi, Vijay Prakash and Luu, Anh Tuan and Wolf, Guy and Beaini, Dominique",
        "Recipe for a General, Powerful, Scalable Graph Transformer",
        2022,
        "Advances in Neural Information Processing Systems 35",
        "arXiv:2205.12454",
    ),
    Citation(
        "ying2021transformers",
        "Ying, Chengxuan and others",
        "Do Transformers Really Perform Badly for Graph Representation?",
        2021,
        "Advances in Neural Information Processing Systems 34",
        "arXiv:2106.05234",
    ),
    Citation(
        "wang2022molecular",
        "Wang, Yuyang and Wang, Jianren and Cao, Zhonglin and Barati Farimani, Amir",
        "Molecular contrastive learning of representations via graph neural networks",
        2022,
        "Nature Machine Intelligence 4, 279-287",
        "doi:10.1038/s42256-022-00447-x",
    ),
    Citation(
        "godwin2022simple",
        "Godwin, Jonathan and others",
        "Simple GNN Regularisation for 3D Molecular Property Prediction and Beyond",
        2022,
        "International Conference on Learning Representations",
        "arXiv:2106.07971",
    ),
    Citation(
        "kreuzer2021rethinking",
        "Kreuzer, Devin and Beaini, Dominique and Hamilton, William L. and Létourneau, Vincent and Tossou, Prudencio",
        "Rethinking Graph Transformers with Spectral Attention",
        2021,
        "Advances in Neural Information Processing Systems 34",
        "arXiv:2106.03893",
    ),
    Citation(
        "klein1993resistance",
        "Klein, Douglas J. and Randić, Milan",
        "Resistance distance",
        1993,
        "Journal of Mathematical Chemistry 12, 81-95",
        "doi:10.1007/BF01164627",
    ),
    Citation(
        "celik2024building",
        "Celik, Safiye and others",
        "Building, benchmarking, and exploring perturbative maps of transcriptional and morphological data",
        2024,
        "PLOS Computational Biology 20(10), e1012463",
        "doi:10.1371/journal.pcbi.1012463",
    ),
    Citation(
        "horlbeck2018mapping",
        "Horlbeck, Max A. and others",
        "Mapping the Genetic Landscape of Human Cells",
        2018,
        "Cell 174(4), 953-967",
        "doi:10.1016/j.cell.2018.06.010",
    ),
    Citation(
        "mehrjou2022genedisco",
        "Mehrjou, Arash and others",
        "GeneDisco: A Benchmark for Experimental Design in Drug Discovery",
        2022,
        "ICLR",
        "arXiv:2110.11875",
    ),
    Citation(
        "schmidt2022crispr",
        "Schmidt, Ralf and others",
        "CRISPR activation and interference screens decode stimulation responses in primary human T cells",
        2022,
        "Science 375(6580), eabj4008",
        "doi:10.1126/science.abj4008",
    ),
    Citation(
        "beaini2024towards",
        "Beaini, Dominique and others",
        "Towards Foundational Models for Molecular Learning on Large-Scale Multi-Task Datasets",
        2024,
        "ICLR",
        "arXiv:2310.04292",
    ),
    Citation(
        "sypetkowski2024scalability",
        "Sypetkowski, Maciej and Wenkel, Frederik and Poursafaei, Farimah and Dickson, Nia and Suri, Karush and "
        "Fradkin, Philip and Beaini, Dominique",
        "On the Scalability of GNNs for Molecular Graphs",
        2024,
        "NeurIPS",
        "arXiv:2404.11568",
    ),
    Citation(
        "masters2022gps",
        "Masters, Dominic and others",
        "GPS++: An Optimised Hybrid MPNN/Transformer for Molecular Property Prediction",
        2022,
        "arXiv",
        "arXiv:2212.02229",
    ),
    Citation(
        "canturk2024graph",
        'Cant{\\"u}rk, Semih and others',
        "Graph Positional and Structural Encoder",
        2024,
        "ICML",
        "arXiv:2307.07107",
    ),
    Citation(
        "rong2020self",
        "Rong, Yu and Bian, Yatao and Xu, Tingyang and Xie, Weiyang and Wei, Ying and Huang, Wenbing and "
        "Huang, Junzhou",
        "Self-Supervised Graph Transformer on Large-Scale Molecular Data",
        2020,
        "NeurIPS",
        "arXiv:2007.02835",
    ),
    Citation(
        "klaser2024minimol",
        'Kl{\\"a}ser, Kerstin and others',
        "MiniMol: A Parameter-Efficient Foundation Model for Molecular Learning",
        2024,
        "arXiv",
        "arXiv:2404.14986",
    ),
    Citation(
        "yang2019analyzing",
        "Yang, Kevin and others",
        "Analyzing Learned Molecular Representations for Property Prediction",
        2019,
        f"{_JCIM} 59(8), 3370--3388",
        "doi:10.1021/acs.jcim.9b00237",
    ),
    Citation(
        "heid2024chemprop",
        "Heid, Esther and others",
        "Chemprop: A Machine Learning Package for Chemical Property Prediction",
        2024,
        f"{_JCIM} 64(1), 9--17",
        "doi:10.1021/acs.jcim.3c01250",
    ),
    Citation(
        "gilmer2017neural",
        "Gilmer, Justin and Schoenholz, Samuel S. and Riley, Patrick F. and Vinyals, Oriol and Dahl, George E.",
        "Neural Message Passing for Quantum Chemistry",
        2017,
        "ICML",
        "arXiv:1704.01212",
    ),
    Citation(
        "xu2019how",
        "Xu, Keyulu and Hu, Weihua and Leskovec, Jure and Jegelka, Stefanie",
        "How Powerful are Graph Neural Networks?",
        2019,
        "ICLR",
        "arXiv:1810.00826",
    ),
    Citation(
        "hu2020strategies",
        "Hu, Weihua and Liu, Bowen and Gomes, Joseph and Zitnik, Marinka and Liang, Percy and Pande, Vijay and "
        "Leskovec, Jure",
        "Strategies for Pre-training Graph Neural Networks",
        2020,
        "ICLR",
        "arXiv:1905.12265",
    ),
    Citation(
        "kipf2017semi",
        "Kipf, Thomas N. and Welling, Max",
        "Semi-Supervised Classification with Graph Convolutional Networks",
        2017,
        "ICLR",
        "arXiv:1609.02907",
    ),
    Citation(
        "bresson2017residual",
        "Bresson, Xavier and Laurent, Thomas",
        "Residual Gated Graph ConvNets",
        2017,
        "arXiv",
        "arXiv:1711.07553",
    ),
    Citation(
        "wu2018moleculenet",
        "Wu, Zhenqin and Ramsundar, Bharath and Feinberg, Evan N. and Gomes, Joseph and Geniesse, Caleb and "
        "Pappu, Aneesh S. and Leswing, Karl and Pande, Vijay",
        "MoleculeNet: a benchmark for molecular machine learning",
        2018,
        "Chemical Science 9, 513--530",
        "doi:10.1039/C7SC02664A",
    ),
    Citation(
        "mobley2014freesolv",
        "Mobley, David L. and Guthrie, J. Peter",
        "FreeSolv: a database of experimental and calculated hydration free energies, with input files",
        2014,
        "Journal of Computer-Aided Molecular Design 28, 711--720",
        "doi:10.1007/s10822-014-9747-x",
    ),
    Citation(
        "delaney2004esol",
        "Delaney, John S.",
        "ESOL: Estimating Aqueous Solubility Directly from Molecular Structure",
        2004,
        "Journal of Chemical Information and Computer Sciences 44(3), 1000--1005",
        "doi:10.1021/ci034243x",
    ),
    Citation(
        "sorkun2019aqsoldb",
        'Sorkun, Murat Cihan and Khetan, Abhishek and Er, S{\\"u}leyman',
        "AqSolDB, a curated reference set of aqueous solubility and 2D descriptors for a diverse set of compounds",
        2019,
        "Scientific Data 6, 143",
        "doi:10.1038/s41597-019-0151-1",
    ),
    Citation(
        "ramakrishnan2014quantum",
        "Ramakrishnan, Raghunathan and Dral, Pavlo O. and Rupp, Matthias and von Lilienfeld, O. Anatole",
        "Quantum chemistry structures and properties of 134 kilo molecules",
        2014,
        "Scientific Data 1, 140022",
        "doi:10.1038/sdata.2014.22",
    ),
    Citation(
        "bannwarth2019gfn2",
        "Bannwarth, Christoph and Ehlert, Sebastian and Grimme, Stefan",
        "GFN2-xTB---An Accurate and Broadly Parametrized Self-Consistent Tight-Binding Quantum Chemical "
        "Method with Multipole Electrostatics and Density-Dependent Dispersion Contributions",
        2019,
        "Journal of Chemical Theory and Computation 15(3), 1652--1671",
        "doi:10.1021/acs.jctc.8b01176",
    ),
    Citation(
        "dwivedi2020benchmarking",
        "Dwivedi, Vijay Prakash and others",
        "Benchmarking Graph Neural Networks",
        2020,
        "arXiv",
        "arXiv:2003.00982",
    ),
    Citation(
        "dwivedi2022graph",
        "Dwivedi, Vijay Prakash and Luu, Anh Tuan and Laurent, Thomas and Bengio, Yoshua and Bresson, Xavier",
        "Graph Neural Networks with Learnable Structural and Positional Representations",
        2022,
        "ICLR",
        "arXiv:2110.07875",
    ),
    Citation(
        "loshchilov2019decoupled",
        "Loshchilov, Ilya and Hutter, Frank",
        "Decoupled Weight Decay Regularization",
        2019,
        "ICLR",
        "arXiv:1711.05101",
    ),
    Citation(
        "kendall2018multi",
        "Kendall, Alex and Gal, Yarin and Cipolla, Roberto",
        "Multi-Task Learning Using Uncertainty to Weigh Losses for Scene Geometry and Semantics",
        2018,
        "CVPR",
        "arXiv:1705.07115",
    ),
    Citation(
        "lakshminarayanan2017simple",
        "Lakshminarayanan, Balaji and Pritzel, Alexander and Blundell, Charles",
        "Simple and Scalable Predictive Uncertainty Estimation using Deep Ensembles",
        2017,
        "NeurIPS",
        "arXiv:1612.01474",
    ),
    Citation(
        "lei2018distribution",
        "Lei, Jing and G'Sell, Max and Rinaldo, Alessandro and Tibshirani, Ryan J. and Wasserman, Larry",
        "Distribution-Free Predictive Inference for Regression",
        2018,
        "Journal of the American Statistical Association 113(523), 1094--1111",
        "doi:10.1080/01621459.2017.1307116",
    ),
    Citation(
        "sadinle2019least",
        "Sadinle, Mauricio and Lei, Jing and Wasserman, Larry",
        "Least Ambiguous Set-Valued Classifiers With Bounded Error Levels",
        2019,
        "Journal of the American Statistical Association 114(525), 223--234",
        "doi:10.1080/01621459.2017.1395341",
    ),
    Citation(
        "rogers2010extended",
        "Rogers, David and Hahn, Mathew",
        "Extended-Connectivity Fingerprints",
        2010,
        f"{_JCIM} 50(5), 742--754",
        "doi:10.1021/ci100050t",
    ),
    Citation(
        "bemis1996properties",
        "Bemis, Guy W. and Murcko, Mark A.",
        "The Properties of Known Drugs. 1. Molecular Frameworks",
        1996,
        "Journal of Medicinal Chemistry 39(15), 2887--2893",
        "doi:10.1021/jm9602928",
    ),
    Citation(
        "butina1999unsupervised",
        "Butina, Darko",
        "Unsupervised Data Base Clustering Based on Daylight's Fingerprint and Tanimoto Similarity: A Fast and "
        "Automated Way To Cluster Small and Large Data Sets",
        1999,
        "Journal of Chemical Information and Computer Sciences 39(4), 747--750",
        "doi:10.1021/ci9803381",
    ),
    Citation(
        "breiman2001random",
        "Breiman, Leo",
        "Random Forests",
        2001,
        "Machine Learning 45, 5--32",
        "doi:10.1023/A:1010933404324",
    ),
    Citation(
        "pedregosa2011scikit",
        "Pedregosa, Fabian and others",
        "Scikit-learn: Machine Learning in Python",
        2011,
        "Journal of Machine Learning Research 12, 2825--2830",
        "arXiv:1201.0490",
    ),
    Citation(
        "paszke2019pytorch",
        "Paszke, Adam and others",
        "PyTorch: An Imperative Style, High-Performance Deep Learning Library",
        2019,
        "NeurIPS",
        "arXiv:1912.01703",
    ),
    Citation(
        "dosovitskiy2021image",
        "Dosovitskiy, Alexey and others",
        "An Image Is Worth 16x16 Words: Transformers for Image Recognition at Scale",
        2021,
        "ICLR",
        "arXiv:2010.11929",
    ),
    Citation(
        "he2022masked",
        "He, Kaiming and Chen, Xinlei and Xie, Saining and Li, Yanghao and Doll{\\'a}r, Piotr and Girshick, Ross",
        "Masked Autoencoders Are Scalable Vision Learners",
        2022,
        "CVPR",
        "arXiv:2111.06377",
    ),
    Citation(
        "kraus2023masked",
        "Kraus, Oren and Kenyon-Dean, Kian and Saberian, Saber and others",
        "Masked Autoencoders are Scalable Learners of Cellular Morphology",
        2023,
        "arXiv",
        "arXiv:2309.16064",
    ),
    Citation(
        "kraus2024masked",
        "Kraus, Oren and Kenyon-Dean, Kian and Saberian, Saber and others",
        "Masked Autoencoders for Microscopy Are Scalable Learners of Cellular Biology",
        2024,
        "CVPR",
        "arXiv:2404.10242",
    ),
    Citation(
        "kenyondean2024vitally",
        "Kenyon-Dean, Kian and others",
        "ViTally Consistent: Scaling Biological Representation Learning for Cell Microscopy",
        2024,
        "arXiv",
        "arXiv:2411.02572",
    ),
    Citation(
        "he2016deep",
        "He, Kaiming and Zhang, Xiangyu and Ren, Shaoqing and Sun, Jian",
        "Deep Residual Learning for Image Recognition",
        2016,
        "CVPR",
        "arXiv:1512.03385",
    ),
    Citation(
        "huang2017densely",
        "Huang, Gao and Liu, Zhuang and van der Maaten, Laurens and Weinberger, Kilian Q.",
        "Densely Connected Convolutional Networks",
        2017,
        "CVPR",
        "arXiv:1608.06993",
    ),
    Citation(
        "atito2021sit",
        "Atito, Sara and Awais, Muhammad and Kittler, Josef",
        "SiT: Self-supervised vIsion Transformer",
        2021,
        "arXiv",
        "arXiv:2104.03602",
    ),
    Citation(
        "sun2016deep",
        "Sun, Baochen and Saenko, Kate",
        "Deep CORAL: Correlation Alignment for Deep Domain Adaptation",
        2016,
        "ECCV Workshops",
        "arXiv:1607.01719",
    ),
    Citation(
        "ganin2016domain",
        "Ganin, Yaroslav and others",
        "Domain-Adversarial Training of Neural Networks",
        2016,
        "Journal of Machine Learning Research 17(59), 1--35",
        "arXiv:1505.07818",
    ),
    Citation(
        "arjovsky2019invariant",
        "Arjovsky, Martin and Bottou, L{\\'e}on and Gulrajani, Ishaan and Lopez-Paz, David",
        "Invariant Risk Minimization",
        2019,
        "arXiv",
        "arXiv:1907.02893",
    ),
    Citation(
        "sagawa2020distributionally",
        "Sagawa, Shiori and Koh, Pang Wei and Hashimoto, Tatsunori B. and Liang, Percy",
        "Distributionally Robust Neural Networks for Group Shifts",
        2020,
        "ICLR",
        "arXiv:1911.08731",
    ),
    Citation(
        "koh2021wilds",
        "Koh, Pang Wei and others",
        "WILDS: A Benchmark of in-the-Wild Distribution Shifts",
        2021,
        "ICML",
        "arXiv:2012.07421",
    ),
    Citation(
        "li2016revisiting",
        "Li, Yanghao and Wang, Naiyan and Shi, Jianping and Liu, Jiaying and Hou, Xiaodi",
        "Revisiting Batch Normalization for Practical Domain Adaptation",
        2016,
        "arXiv",
        "arXiv:1603.04779",
    ),
    Citation(
        "chen2023symbolic",
        "Chen, Xiangning and others",
        "Symbolic Discovery of Optimization Algorithms",
        2023,
        "NeurIPS",
        "arXiv:2302.06675",
    ),
    Citation(
        "sypetkowski2020augmentation",
        "Sypetkowski, Maciej and Jasiulewicz, Jakub and Wojna, Zbigniew",
        "Augmentation Inside the Network",
        2020,
        "arXiv",
        "arXiv:2012.10769",
    ),
    Citation(
        "rdkit",
        "Landrum, Greg and others",
        "RDKit: Open-source cheminformatics",
        0,
        "software",
        "https://www.rdkit.org",
    ),
    Citation(
        "tblite",
        "{The tblite developers}",
        "tblite: light-weight tight-binding framework",
        0,
        "software",
        "https://github.com/tblite/tblite",
    ),
    Citation(
        "sypetkowski2023rxrx1",
        "Sypetkowski, Maciej and others",
        "RxRx1: A Dataset for Evaluating Experimental Batch Correction Methods",
        2023,
        "CVPR Workshops",
        "arXiv:2301.05768",
    ),
    Citation(
        "fay2023rxrx3",
        "Fay, Marta M. and others",
        "RxRx3: Phenomics Map of Biology",
        2023,
        "bioRxiv",
        "doi:10.1101/2023.02.07.527350",
    ),
    Citation(
        "chandrasekaran2023jump",
        "Chandrasekaran, Srinivas Niranj and others",
        "JUMP Cell Painting dataset: morphological impact of 136,000 chemical and genetic perturbations",
        2023,
        "bioRxiv",
        "doi:10.1101/2023.03.23.534023",
    ),
)
PUBLICATIONS: dict[str, Citation] = {citation.key: citation for citation in _PUBLICATIONS}
